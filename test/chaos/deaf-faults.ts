import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { ownProcesses } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, seconds } from './scenario.ts';

const DEAF = `process.on('SIGTERM', () => {});
export default (request, response) => {
  if (request.url === '/hang') for (;;);
  response.end('fine');
};`;

const ignoredTerm: Scenario = {
  fault: 'a server that hears neither its order nor SIGTERM',
  expected: 'destroy ends it by SIGKILL after 5 s, exit 5; the other serves on',
  quick: false,
  async run(world) {
    const app = join(world.site.home, 'deaf.mjs');
    writeFileSync(app, DEAF);
    const [deaf, other] = await world.spawn(['2', '--app', app]);
    if (!deaf || !other) throw new Error('no server');
    const hanging = fetch(`${deaf.url}/hang`).catch(() => 'cut');
    await until('it hangs', () => doesNotAnswer(deaf));
    const began = performance.now();
    const { code, stderr } = await world.site.run(['destroy', deaf.id, '--drain-timeout', '0.5']);
    const tookMs = performance.now() - began;
    expect([code, stderr]).toEqual([5, expect.stringContaining('SIGKILL')]);
    expect(world.servers()).toEqual([other.pid]);
    expect([await hanging, (await fetch(other.url)).status]).toEqual(['cut', 200]);
    return `SIGKILL, exit 5 after ${seconds(tookMs)} (0.5 + 6 + 5 s); the other answers 200`;
  },
};

const deafProgram: Scenario = {
  fault: 'a program that ignores SIGTERM, behind a server',
  expected: 'killed after its grace with its children, destroy exits 0',
  quick: false,
  async run(world) {
    const script = "trap '' TERM; python3 -m http.server {port} & while :; do wait; sleep 1; done";
    const [row] = await world.spawn(['--', 'sh', '-c', script]);
    const before = ownProcesses(world.site.home).length;
    const began = performance.now();
    const { code } = await world.site.run(['destroy', row?.id ?? '', '--force']);
    const tookMs = performance.now() - began;
    expect(code).toBe(0);
    expect(ownProcesses(world.site.home)).toEqual([]);
    return `${before} processes gone after ${seconds(tookMs)}, exit 0`;
  },
};

function doesNotAnswer({ url }: Row): Promise<boolean> {
  return fetch(`${url}/`, { signal: AbortSignal.timeout(300) }).then(
    () => false,
    () => true,
  );
}

export const deafFaults: readonly Scenario[] = [ignoredTerm, deafProgram];
