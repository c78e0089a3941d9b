import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { answering, type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { runHere } from '../helpers/run-here.ts';
import { until } from '../helpers/until.ts';

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
    expect(idsOf(await site.desiredServers())).toEqual(after);
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
    // It says so before it listens.
    await until('the door listens', () => fetch(url).catch(() => null));
    const load = keepAsking(url, { workers: 6 });
    const posts = keepAsking(url, { workers: 2, method: 'POST', allowed: [405] });
    const { code, stdout, stderr } = await site.call(['restart', '--json']);
    const { failures, sent } = await load.stop();
    const posted = await posts.stop();
    expect([code, stderr, failures, posted.failures]).toEqual([0, '', [], []]);
    expect(sent).toBeGreaterThan(0);
    const told = JSON.parse(stdout) as Row[];
    expect(idsOf(told)).toEqual(await expectReplaced(before));
    expect(told.every(({ doors }) => doors[0] === 'usable')).toBe(true);
    const { stdout: scaled } = await site.call(['scale', '2', '--json']);
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

describe('restart with something new', () => {
  afterAll(() => site.clear());

  const names = ['A', 'B', 'C', 'FROM_FILE'];
  const telling = (
    version: string,
  ) => `export default (_, response) => response.end(JSON.stringify([
    ${JSON.stringify(version)}, process.cwd(), ${JSON.stringify(names)}.map((name) => process.env[name] ?? '').join()]));\n`;
  const answers = async () => {
    const rows = await site.liveNow();
    return Promise.all(rows.map(async ({ url }) => (await (await fetch(url)).json()) as string[]));
  };
  const state = async () => [
    await site.raw.hgetall('{meow}:intents'),
    readdirSync(join(site.home, 'wanted'), { recursive: true }).sort(),
    readdirSync(join(site.home, 'env')).sort(),
  ];
  const restart = (...args: string[]) => site.call(['restart', ...args]);

  test('adds and takes away variables, rolls out another file, and a roll that fails changes nothing', async () => {
    const [one, two] = ['one', 'two'].map((name) => site.write(`${name}.mjs`, telling(name)));
    const broken = site.write('broken.mjs', 'throw new Error("not today");\n');
    if (!one || !two) throw new Error('no apps');
    await site.spawn('2', '--app', one, '--env', 'A=1', '--env', 'B=2', '--cwd', site.home);
    expect((await restart('--env', 'C=3', '--env=B=two', '--no-env', 'A')).code).toBe(0);
    const asked = ['one', site.home, ',two,3,'];
    expect(await answers()).toEqual([asked, asked]);
    const before = await state();
    for (const args of [
      ['--app', broken],
      ['--app', broken, '--env', 'A=new', '--batch', '2'],
    ]) {
      const { code, stderr } = await restart(...args);
      expect([code, stderr]).toEqual([5, expect.stringContaining('not today')]);
      expect(await answers()).toEqual([asked, asked]);
      expect(await state()).toEqual(before);
    }
    mkdirSync(join(site.home, 'sub'));
    site.write('more.env', 'FROM_FILE=file\n');
    const file = ['--env-file', join(site.home, 'more.env'), '--cwd', join(site.home, 'sub')];
    expect((await restart('--app', two, ...file)).code).toBe(0);
    const next = ['two', join(site.home, 'sub'), ',two,3,file'];
    expect(await answers()).toEqual([next, next]);
    const { code, stderr } = await restart('--no-env', 'A');
    expect([code, stderr]).toEqual([2, expect.stringContaining('variable "A" is not declared')]);
    expect(stderr).toContain('Declared are B, C');
  });

  test('of several apps wants to be told which servers, and puts back what had to stop', async () => {
    const port = await freePort();
    const cat = await site.spawnOne('--app', 'cat', '--port', String(port));
    const other = site.write('three.mjs', telling('three'));
    const { code, stderr } = await restart('--app', other);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/several apps.*two\.mjs/)]);
    expect(stderr).toContain('by id');
    const broken = join(site.home, 'broken.mjs');
    expect((await restart(cat.id, '--force', '--app', broken)).code).toBe(5);
    const back = (await site.liveNow()).find((row) => row.port === port);
    expect(back).toMatchObject({ app: 'cat', state: 'up' });
    expect((await restart(String(port), '--force', '--app', other)).code).toBe(0);
    expect(await (await fetch(`http://127.0.0.1:${port}`)).json()).toContain('three');
  });

  test.each([
    [['--env', 'X=hush', '--no-env', 'X'], '--env together with --no-env for X'],
    [['--no-env', 'A-B'], 'variable name "A-B"'],
    [['--no-env'], '"--no-env <NAME>" argument missing'],
    [['--env', '=hush'], 'variable name ""'],
    [['--app', 'nowhere.mjs'], 'no file "nowhere.mjs"'],
    [['--cwd', 'nowhere'], 'no folder "nowhere"'],
    [['--env-file', 'nowhere.env'], 'nowhere.env" is not there'],
  ])('%j is refused by name, before anything is done', async (args, why) => {
    const { code, stdout, stderr } = await runHere(['restart', ...args], site.env);
    expect([code === 1 || code === 2, stdout]).toEqual([true, '']);
    expect(stderr.split('\n')[0]).toContain(why);
    expect(stderr).not.toContain('hush');
  });
});

describe('restart', () => {
  test('of a fixed port needs --force, and keeps its place when the new one does not start', async () => {
    const port = await freePort();
    const app = site.write('fixed.mjs', answering('fine'));
    const first = await site.spawnOne('--port', String(port), '--app', app);
    const refused = await site.call(['restart', first.id]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`server ${first.id} has port ${port} for its own`);
    expect((await site.call(['restart', first.id, '--force'])).code).toBe(0);
    const [next] = await site.liveNow();
    expect([next?.port, next?.id === first.id]).toEqual([port, false]);
    site.write('fixed.mjs', 'throw new Error("version two is broken");\n');
    expect((await site.call(['restart', '--force'])).code).toBe(5);
    const desiredServers = await site.desiredServers();
    expect(desiredServers.map(({ id, state }) => [id, state])).toEqual([[next?.id, 'stopped']]);
    site.write('fixed.mjs', answering('fine'));
    expect((await site.call(['restart', next?.id ?? ''])).code).toBe(0);
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
    process.kill(two?.pid ?? Number.NaN, 'SIGKILL');
    await site.keep();
    const revived = async () => (await site.desiredServers()).every(({ id }) => id !== two?.id);
    await until('the keeper has started it again', revived);
    expect((await site.call(['destroy', one?.id ?? ''])).code).toBe(0);
    expect(restart.hasEnded()).toBe(false);
    site.write('gate', '');
    expect((await restart.ended).code).toBe(0);
    expect(await site.liveNow()).toHaveLength(1);
    expect(await site.desiredServers()).toHaveLength(1);
    await site.clear();
  });

  test('of nobody exits 3', async () => {
    expect((await site.call(['restart'])).code).toBe(3);
    expect((await site.call(['restart', 'zzzzzz'])).code).toBe(3);
  });
});
