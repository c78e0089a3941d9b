import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';
import { timed } from '../helpers/yardstick.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it ended while we looked
  }
}

const servers = () => ownProcesses(site.home).filter((pid) => wordsOf(pid).includes('serve'));
/** Those that were booted ahead of their turn, whether it has come or not. */
const ahead = () => servers().filter((pid) => wordsOf(pid).includes('--standby'));

/** Every process of ours is a server that is listed, and serves. */
const settled = () =>
  until('every process is listed, and every listed one lives', async () => {
    const rows = await site.list();
    const pids = new Set(servers());
    const all = rows.every(({ pid, state }) => pids.has(pid) && state === 'up');
    return rows.length === pids.size && all ? rows : null;
  });

const file = (name: string) => join(site.home, name);

/** An app that answers with its version, once `gate` is there. */
function writeVersion(app: string, version: string, gate: string | null = null): void {
  const wait = `import { existsSync } from 'node:fs';
while (!existsSync(${JSON.stringify(gate)})) await new Promise((resolve) => setTimeout(resolve, 10));
`;
  const serve = `export default (_, response) => response.end(${JSON.stringify(version)});\n`;
  writeFileSync(app, gate === null ? serve : wait + serve);
}

async function spawnApp(app: string, ...args: string[]): Promise<void> {
  writeVersion(app, 'one');
  expect((await site.call(['spawn', '--app', app, ...args])).code).toBe(0);
}

const versions = (rows: readonly Row[]) =>
  Promise.all(rows.map(async ({ url }) => (await fetch(url)).text()));

describe('restart', () => {
  test('killed -9 at any moment leaves servers that are listed, as many as before or one more', async () => {
    const ROUNDS = 6;
    await site.call(['spawn', '2']);
    const startMs = performance.now();
    expect((await site.call(['restart'])).code).toBe(0);
    const ms = performance.now() - startMs;
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = site.start(['restart']);
      const timer = setTimeout(() => child.kill('SIGKILL'), (1.1 * ms * (round + 1)) / ROUNDS);
      await new Promise((resolve) => child.once('exit', resolve));
      clearTimeout(timer);
      const { length } = await settled();
      expect([2, 3]).toContain(length);
      if (length > 2) expect((await site.call(['scale', '2'])).code).toBe(0);
    }
    await until('no more are left', () => servers().length === 2);
  });

  test('starts another one in the place of one that died before its turn', async () => {
    const app = file('gated.mjs');
    await spawnApp(app, '2');
    writeVersion(app, 'two', file('gate'));
    const rolling = site.start(['restart', '--json']);
    const waiting = await until('the second one boots', () => ahead()[0]);
    process.kill(waiting, 'SIGKILL');
    writeFileSync(file('gate'), '');
    const { code, stderr } = await finish(rolling);
    expect([code, stderr]).toEqual([0, '']);
    expect(await versions(await settled())).toEqual(['two', 'two']);
  });

  test('stops at a new one that does not become ready, or at Ctrl-C: the old ones serve on, none is left ahead', async () => {
    const app = file('broken.mjs');
    await spawnApp(app, '2');
    writeFileSync(app, "throw new Error('version two is broken');\n");
    const before = await site.list();
    const failed = await site.call(['restart', '--json']);
    expect([failed.code, failed.stdout]).toEqual([5, '[]\n']);
    expect(failed.stderr).toContain('version two is broken');
    const after = await settled();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(await versions(after)).toEqual(['one', 'one']);
    writeVersion(app, 'two', file('never'));
    const rolling = site.start(['restart']);
    await until('the second one boots', () => ahead().length === 1);
    rolling.kill('SIGINT');
    expect((await finish(rolling)).code).toBe(130);
    expect(await versions(await settled())).toEqual(['one', 'one']);
  });

  test('counts the time to get ready from a server’s own turn', async () => {
    const app = file('late.mjs');
    const { ms } = await timed(site.run(['spawn', '-q']));
    await site.clear();
    const timeoutMs = Math.ceil(1_000 + 3 * ms);
    await spawnApp(app, '2', '--ready-timeout', String(timeoutMs / 1_000));
    writeVersion(app, 'two');
    const rolling = site.start(['restart']);
    const waiting = await until('the second one boots', () => ahead()[0]);
    rolling.kill('SIGSTOP');
    const startMs = performance.now();
    await until('its time would be over', () => performance.now() - startMs > timeoutMs + 1_000);
    rolling.kill('SIGCONT');
    expect((await finish(rolling)).code).toBe(0);
    const rows = await settled();
    expect(await versions(rows)).toEqual(['two', 'two']);
    expect(rows.map(({ pid }) => pid)).toContain(waiting);
  });
});
