import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { APPS, type AppSite, openAppSite, text } from '../helpers/app-site.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const APP = join(APPS, 'env.mjs');
const KINDS: readonly [string, readonly string[]][] = [
  ['a module', ['--app', APP]],
  ['a program', ['--', process.execPath, APP, '{port}']],
];

const FOR_MEOWCTL = ['REDIS_URL=redis://cache.example', 'MEOW_ADVERTISE=x'];
const NODE_OPTIONS = 'NODE_OPTIONS=--title=cat-4711';

let site: AppSite;
let file: string;

beforeAll(async () => {
  site = await openAppSite();
  file = join(site.home, 'app.env');
});
afterEach(() => site.clear());
afterAll(() => site.close());

type Variables = Record<string, string>;

async function environmentOf({ url }: Pick<Row, 'url'>): Promise<Variables> {
  return JSON.parse(await text(url)) as Variables;
}

/** Spawns one in a shell of its own kind, and gives back what it was given and what was said. */
async function spawnIn(shell: Variables, args: readonly string[]) {
  const { code, stdout, stderr } = await site.call(['spawn', '--json', ...args], { env: shell });
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(stderr);
  return { row, code, stderr, env: await environmentOf(row) };
}

const smallOnes = (count: number) =>
  Array.from({ length: count }, (_, n) => `V${n}=${'y'.repeat(48)}`);

async function serving(...without: readonly string[]): Promise<Row> {
  return until('a successor serves', async () => {
    const rows = (await site.list()).filter(
      ({ id, state }) => state === 'up' && !without.includes(id),
    );
    return rows.length === 1 && rows[0];
  });
}

describe('the environment of an app', () => {
  test.each(KINDS)(
    'of %s is the base alone, and spawn says how much is left out',
    async (_, app) => {
      const shell = { MINE: 'hush-1', YOURS: 'hush-2', TZ: 'Asia/Tokyo', LC_TIME: 'C', XDG_X: 'x' };
      const { env, stderr } = await spawnIn({ ...shell, NODE_OPTIONS: '--no-warnings' }, app);
      const { PATH, HOME, LANG, TMPDIR } = site.env;
      const { PORT: _port, PWD, ...rest } = env;
      expect(rest).toEqual({
        PATH,
        HOME,
        LANG,
        TMPDIR,
        TZ: 'Asia/Tokyo',
        LC_TIME: 'C',
        XDG_X: 'x',
      });
      expect(PWD).toBe(site.home);
      expect(stderr).toMatch(/^3 other variables .*--env-all/);
    },
  );

  test.each(KINDS)('of %s: what was declared, the command line over the file', async (_, app) => {
    const text = 'IN_FILE="a b"\nBOTH=file\nexport TZ=UTC\nnot.a.name=1\n# A=2\n';
    writeFileSync(file, `${text}MEOW_HOME=/nowhere\n`);
    const pairs = ['BOTH=line', 'MINE', 'EMPTY=', ...FOR_MEOWCTL, NODE_OPTIONS];
    const flags = ['--env-file', file, ...pairs.flatMap((pair) => ['--env', pair])];
    const { env, row, stderr } = await spawnIn({ MINE: 'mine' }, [...flags, ...app]);
    expect(env).toMatchObject({ IN_FILE: 'a b', BOTH: 'line', TZ: 'UTC', MINE: 'mine', EMPTY: '' });
    expect(stderr).toBe('--env-file: 1 skipped, as no shell could set such names\n');
    // What is for meowctl goes to the app where it was named, and not to its server.
    expect(env).toMatchObject({ REDIS_URL: 'redis://cache.example', MEOW_HOME: '/nowhere' });
    expect(env.MEOW_APP).toBeUndefined();
    expect(row.url).toContain('127.0.0.1');
    // Node hears of it at the start of a module; a program's is not its server's.
    const ofServer = readFileSync(`/proc/${row.pid}/environ`, 'utf8');
    expect(env.NODE_OPTIONS).toBe('--title=cat-4711');
    expect(ofServer.includes(`${NODE_OPTIONS}\0`)).toBe(app[0] === '--app');
  });

  test.each(KINDS)(
    'of %s: all that is set and a large file, but not what is for meowctl',
    async (_, app) => {
      const large = Array.from({ length: 7 }, (_, n) => `BIG_${n}=${'x'.repeat(131_000)}`);
      writeFileSync(file, [...large, ...smallOnes(1_993)].join('\n'));
      const shell = { MINE: 'mine', MEOW_ADVERTISE: '127.0.0.1', 'BASH_FUNC_x%%': '() { :; }' };
      const { env, stderr } = await spawnIn(shell, ['--env-all', '--env-file', file, ...app]);
      expect(env).toMatchObject({ MINE: 'mine', HOME: site.home });
      const names = Object.keys(env).filter((name) => /^(REDIS_URL|MEOW_.*|BASH.*)$/.test(name));
      expect([names, stderr]).toEqual([[], '']);
      // Two thousand of nearly 1 MiB in all.
      expect(Object.keys(env).filter((name) => env[name]?.length === 131_000)).toHaveLength(7);
      expect(Object.keys(env).filter((name) => /^V\d+$/.test(name))).toHaveLength(1_993);
    },
  );

  test('of `serve` by hand is all that is set there', async () => {
    const port = await freePort();
    const serving = site.start(['serve', '--app', APP, '--port', String(port), '--env', 'B=2'], {
      env: { MINE: 'mine', A: '1', B: '1' },
    });
    const url = `http://127.0.0.1:${port}`;
    const env = await until('it serves', () => environmentOf({ url }).catch(() => null));
    expect(env).toMatchObject({ MINE: 'mine', A: '1', B: '2', REDIS_URL: site.redis.url });
    expect(env.MEOW_APP).toBeUndefined();
    serving.kill('SIGTERM');
    await new Promise((resolve) => serving.once('exit', resolve));
  });

  test('of a program that dies at once is said to lack what was left out', async () => {
    const { code, stderr } = await site.call(['spawn', '--', 'sh', '-c', 'exit 3'], {
      env: { DATABASE_URL: 'hush-4711' },
    });
    expect(code).toBe(5);
    const remedy = stderr.split('\n').find((line) => line.startsWith('  See what it said'));
    expect(remedy).toContain('1 other variable of the environment did not go to the app');
    expect(stderr).not.toContain('hush-4711');
  });
});

describe('the environment stays the same', () => {
  test('revived, restarted from elsewhere, after a stop; its values stand nowhere', async () => {
    writeFileSync(file, 'IN_FILE=hush-in-file\n');
    const first = { SECRET: 'hush-4711', NODE_ENV: 'production', TZ: 'hush-base', OTHER: '1' };
    const flags = ['--env', 'SECRET', '--env', 'A=hush-declared', '--env-file', file];
    const { row, env } = await spawnIn(first, [...flags, '--app', APP]);
    expect(env).toMatchObject({ SECRET: 'hush-4711', IN_FILE: 'hush-in-file', TZ: 'hush-base' });
    const elsewhere = { NODE_ENV: 'test', SECRET: 'wrong', OTHER: '2', TZ: 'UTC', A: '2' };
    const same = async (next: Row) => {
      const { PORT: _new, ...got } = await environmentOf(next);
      const { PORT: _old, ...had } = env;
      expect(got).toEqual(had);
      await expectHushed();
      return next;
    };
    const keeper = site.start(['keep'], { env: elsewhere });
    process.kill(row.pid, 'SIGKILL');
    const revived = (await same(await serving(row.id))).id;
    keeper.kill('SIGTERM');
    await new Promise((resolve) => keeper.once('exit', resolve));
    await site.call(['restart'], { env: elsewhere, cwd: '/' });
    const restarted = await serving(row.id, revived);
    await same(restarted);
    process.kill(restarted.pid, 'SIGTERM');
    await site.nothingLeft();
    const up = site.start(['up', '--no-admin', '--port', String(await freePort())], {
      env: elsewhere,
    });
    await same(await serving(row.id, revived, restarted.id));
    up.kill('SIGTERM');
    await new Promise((resolve) => up.once('exit', resolve));
  });

  /** No value is in a key, in a log, on a command line; in files of this user alone. */
  async function expectHushed(): Promise<void> {
    const hashes = ['servers', 'intents'].map((key) => site.raw.hgetall(`{meow}:${key}`));
    const kept = JSON.stringify(await Promise.all(hashes));
    expect(kept).toContain(String.raw`\"env\":[\"A\",\"SECRET\"]`);
    const logs = join(site.home, 'logs');
    const said = readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8'));
    expect(kept + site.commandLines().join() + said.join()).not.toContain('hush');
    for (const name of readdirSync(join(site.home, 'env'))) {
      expect(statSync(join(site.home, 'env', name)).mode & 0o777).toBe(0o600);
    }
  }

  test('but a file is read again; gone or broken, it starts nothing', async () => {
    writeFileSync(file, 'A=1\n');
    const { row } = await spawnIn({}, ['--env-file', file, '--app', APP]);
    writeFileSync(file, '\ufeffA=2\r\n');
    expect((await site.call(['restart'])).code).toBe(0);
    const next = await serving(row.id);
    expect((await environmentOf(next)).A).toBe('2');
    rmSync(file);
    const { code, stderr } = await site.call(['restart']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`"${file}" is not there`)]);
    expect((await environmentOf(next)).A).toBe('2');
  });

  test('and where its values were changed, or are not there, nothing is started', async () => {
    const { row } = await spawnIn({}, ['--env', 'SECRET=hush', '--app', APP]);
    const folder = join(site.home, 'env');
    const evil = (path: string) =>
      writeFileSync(path, readFileSync(path, 'utf8').replace('hush', 'evil'));
    for (const harm of [evil, (path: string) => rmSync(path)]) {
      for (const name of readdirSync(folder)) harm(join(folder, name));
      const { code, stderr } = await site.call(['restart']);
      const why = expect.stringContaining('missing or damaged');
      expect([code, stderr.split('\n')[0]]).toEqual([1, why]);
    }
    expect((await environmentOf(row)).SECRET).toBe('hush');
  });

  test('but for a PATH that does not lead to the program any more: today’s is used, and said', async () => {
    const old = join(site.home, 'old-bin');
    mkdirSync(old);
    const tool = (folder: string) => {
      symlinkSync(process.execPath, join(folder, 'my-node'));
      return { PATH: `${folder}:/usr/bin:/bin` };
    };
    const first = { ...tool(old), NODE_ENV: 'production', OTHER: '1' };
    const { row, env } = await spawnIn(first, ['--env', 'A=1', '--', 'my-node', APP, '{port}']);
    rmSync(old, { recursive: true });
    const today = join(site.home, 'new-bin');
    mkdirSync(today);
    const elsewhere = { ...tool(today), NODE_ENV: 'test', OTHER: '2', A: '2' };
    const { stderr } = await site.call(['restart'], { env: elsewhere });
    const next = await serving(row.id);
    const { PORT: _port, ...got } = await environmentOf(next);
    const { PORT: _old, ...had } = env;
    expect([stderr, got]).toEqual(['', { ...had, PATH: elsewhere.PATH }]);
    expect(site.log(next)).toContain('does not lead to "my-node" any more: today\'s is used');
  });
});

describe('variables', () => {
  test('of apps that were asked for in different shells still make one app', async () => {
    for (const LANG of ['C', 'C.UTF-8']) await spawnIn({ LANG }, ['--env', 'A=1', '--app', APP]);
    expect((await site.call(['scale', '3'])).code).toBe(0);
    const rows = await site.list();
    const apps = await Promise.all(rows.map(environmentOf));
    expect(apps.map(({ A }) => A)).toEqual(['1', '1', '1']);
  });

  test('that a keeper of 0.1 hands over by itself are taken over', async () => {
    const spec = {
      kind: 'module',
      path: APP,
      env: { SECRET: 'hush-4711' },
      cwd: '/',
      health: null,
    };
    const args = ['serve', '--id', 'abc234', '--spawned', '--host', '127.0.0.1'];
    const old = site.start(args, { env: { MEOW_APP: JSON.stringify(spec), SECRET: 'hush-4711' } });
    const row = await until('it serves', async () =>
      (await site.list()).find(({ id }) => id === 'abc234'),
    );
    expect(await environmentOf(row)).toMatchObject({ SECRET: 'hush-4711', PWD: '/' });
    expect(JSON.stringify(await site.raw.hgetall('{meow}:intents'))).not.toContain('hush-4711');
    expect((await site.call(['restart'])).code).toBe(0);
    expect(await environmentOf(await serving(row.id))).toMatchObject({ SECRET: 'hush-4711' });
    old.kill('SIGKILL');
  });
});
