import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/rows.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { answering, type FleetSite, openFleetSite } from './fleet-site.ts';

let site: FleetSite;

beforeAll(async () => {
  site = await openFleetSite();
});
afterAll(() => site.close());

const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).sort();

describe('restart of a fleet', () => {
  beforeAll(async () => {
    await site.spawn('2');
  });
  afterAll(() => site.clear());

  /** As many as before, each of them new, and nothing else is wanted. */
  async function expectReplaced(before: readonly Row[]): Promise<string[]> {
    const after = idsOf(await site.liveNow());
    expect(after).toHaveLength(before.length);
    expect(after.filter((id) => before.some((old) => old.id === id))).toEqual([]);
    expect(idsOf(await site.intents())).toEqual(after);
    return after;
  }

  test('replaces every server under load, and no request fails', async () => {
    const before = await site.liveNow();
    const port = await freePort();
    const door = site.go('proxy', '--port', String(port), '--no-admin');
    const url = `http://127.0.0.1:${port}/`;
    await until('the door uses all', async () =>
      (await site.list()).every(({ doors }) => doors.includes('usable')),
    );
    const load = keepAsking(url, { workers: 6 });
    const posts = keepAsking(url, { workers: 2, method: 'POST', allowed: [405] });
    const { code, stdout, stderr } = await site.run(['restart', '--json']);
    const { failures, sent } = await load.stop();
    const posted = await posts.stop();
    expect([code, stderr, failures, posted.failures]).toEqual([0, '', [], []]);
    expect(sent).toBeGreaterThan(20);
    const told = JSON.parse(stdout) as Row[];
    expect(idsOf(told)).toEqual(await expectReplaced(before));
    expect(told.every(({ doors }) => doors[0] === 'usable')).toBe(true);
    const { stdout: scaled } = await site.run(['scale', '2', '--json']);
    expect(JSON.parse(scaled)).toEqual(
      told.map(({ id }) => expect.objectContaining({ id, doors: ['usable'] })),
    );
    door.kill('SIGTERM');
    await door.ended;
  });

  test('from two terminals at once replaces each server once', async () => {
    const before = await site.liveNow();
    const both = await Promise.all([1, 2].map(() => site.run(['restart', '--json'])));
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const told = both.flatMap(({ stdout }) => idsOf(JSON.parse(stdout) as Row[]));
    expect(told).toEqual(expect.arrayContaining(await expectReplaced(before)));
  });
});

describe('restart', () => {
  test('of a fixed port needs --force, and keeps its place when the new one does not start', async () => {
    const port = await freePort();
    const app = site.write('fixed.mjs', answering('fine'));
    const first = await site.spawnOne('--port', String(port), '--app', app);
    const refused = await site.run(['restart', first.id]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`server ${first.id} has port ${port} for its own`);
    expect((await site.run(['restart', first.id, '--force'])).code).toBe(0);
    const [next] = await site.liveNow();
    expect([next?.port, next?.id === first.id]).toEqual([port, false]);
    site.write('fixed.mjs', 'throw new Error("version two is broken");\n');
    expect((await site.run(['restart', '--force'])).code).toBe(5);
    const intents = await site.intents();
    expect(intents.map(({ id, state }) => [id, state])).toEqual([[next?.id, 'stopped']]);
    site.write('fixed.mjs', answering('fine'));
    expect((await site.run(['restart', next?.id ?? ''])).code).toBe(0);
    expect((await site.liveNow()).map((row) => row.port)).toEqual([port]);
    await site.clear();
  });

  test('of one that is destroyed or started again meanwhile leaves no server too many', async () => {
    const [mark, gate] = ['loading', 'gate'].map((name) => join(site.home, name)) as [
      string,
      string,
    ];
    const slow = `import { appendFileSync, existsSync } from 'node:fs';
      appendFileSync(${JSON.stringify(mark)}, 'x');
      while (!existsSync(${JSON.stringify(gate)})) await new Promise((go) => setTimeout(go, 50));\n`;
    const app = site.write('slow.mjs', answering('quick'));
    const [one, two] = await site.spawn('2', '--app', app);
    site.write('slow.mjs', `${slow}${answering('quick')}`);
    const restart = site.go('restart', '--batch', '2');
    const loading = () => existsSync(mark) && readFileSync(mark, 'utf8') === 'xx';
    await until('the new ones are loading', loading);
    site.write('slow.mjs', answering('quick'));
    process.kill(two?.pid ?? 0, 'SIGKILL');
    await site.keep();
    const revived = async () => (await site.intents()).every(({ id }) => id !== two?.id);
    await until('the keeper has started it again', revived);
    expect((await site.run(['destroy', one?.id ?? ''])).code).toBe(0);
    expect(restart.hasEnded()).toBe(false);
    site.write('gate', '');
    expect((await restart.ended).code).toBe(0);
    expect(await site.liveNow()).toHaveLength(1);
    expect(await site.intents()).toHaveLength(1);
    await site.clear();
  });

  test('of nobody exits 3', async () => {
    expect((await site.run(['restart'])).code).toBe(3);
    expect((await site.run(['restart', 'zzzzzz'])).code).toBe(3);
  });
});
