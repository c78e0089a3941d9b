import { join } from 'node:path';
import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { against, type Scenario, seconds } from './scenario.ts';
import type { World } from './world.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'apps', 'health.mjs');
const OUT_MS = 10_000;

interface Victim {
  readonly url: string;
  readonly pid: number;
}

type Fault = readonly [name: string, harm: (victim: Victim) => unknown];

const set = async ({ url }: Victim, how: string) => (await fetch(`${url}/set?${how}`)).text();

const faults: readonly Fault[] = [
  ['SIGSTOP', ({ pid }) => process.kill(pid, 'SIGSTOP')],
  // It never answers, not even this.
  ['endless loop', ({ url }) => void fetch(`${url}/loop`).catch(() => {})],
  ['500', (victim) => set(victim, 'page=500')],
  ['no answer', (victim) => set(victim, 'page=never&app=never')],
];

/** One of three is harmed so; gives how long it is used after that. */
async function outAfter(world: World, args: readonly string[], [, harm]: Fault, url: string) {
  const [row] = await world.spawn(['1', '--health', '/up', ...args]);
  if (!row) throw new Error('no server');
  await world.used();
  const pid = Number(/mjs (\d+)/.exec(await (await fetch(row.url)).text())?.[1]);
  const load = keepAsking(url);
  await until('load', () => load.good() > 200);
  const began = performance.now();
  await harm({ url: row.url, pid });
  await until('out', async () => {
    const found = (await world.site.list()).find(({ id }) => id === row.id);
    return found?.doors[0]?.startsWith('out');
  });
  const ms = performance.now() - began;
  const { failures, sent, durationsMs } = await load.stop();
  expect(failures).toEqual([]);
  process.kill(pid, 'SIGKILL');
  await world.site.run(['destroy', row.id, '--drain-timeout', '0']);
  return { ms, sent, slowest: Math.max(...durationsMs) };
}

const hangs: Scenario = {
  fault:
    'a program and a module hang or turn ill under load: SIGSTOP, endless loop, 500, no answer',
  expected: 'each is out of the rotation within 10 s, its lease running; 0 GETs failed',
  quick: false,
  async run(world) {
    const { url } = await world.openDoor();
    await world.spawn(['2', '--app', APP]);
    const measured: string[] = [];
    for (const [kind, args] of [
      ['program', ['--', process.execPath, APP, '{port}']],
      ['module', ['--app', APP]],
    ] as const) {
      for (const fault of faults) {
        const { ms, sent, slowest } = await outAfter(world, args, fault, url);
        const waited = `one of ${sent} GETs waited ${seconds(slowest)}`;
        measured.push(`${kind}, ${fault[0]}: ${against(ms, OUT_MS)}, ${waited}`);
      }
    }
    return measured.join('; ');
  },
};

export const healthFaults: readonly Scenario[] = [hangs];
