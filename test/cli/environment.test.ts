import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/rows.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { APPS, type AppSite, openAppSite, text } from './apps.ts';

const APP = join(APPS, 'env.mjs');
const KINDS: readonly [string, readonly string[]][] = [
  ['a module', ['--app', APP]],
  ['a program', ['--', process.execPath, APP, '{port}']],
];

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
  const { code, stdout, stderr } = await site.run(['spawn', '--json', ...args], { env: shell });
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(stderr);
  return { row, code, stderr, env: await environmentOf(row) };
}

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
    writeFileSync(file, 'IN_FILE="a b"\nBOTH=file\nexport TZ=UTC\nnot.a.name=1\n# A=2\n');
    const flags = ['--env-file', file, '--env', 'BOTH=line', '--env', 'MINE', '--env', 'EMPTY='];
    const { env, stderr } = await spawnIn({ MINE: 'mine' }, [...flags, ...app]);
    expect(env).toMatchObject({ IN_FILE: 'a b', BOTH: 'line', TZ: 'UTC', MINE: 'mine', EMPTY: '' });
    expect(stderr).toBe('--env-file: 1 skipped, as no shell could set such names\n');
  });

  test.each(KINDS)('of %s: all that is set, but not what is for meowctl', async (_, app) => {
    const shell = { MINE: 'mine', MEOW_ADVERTISE: '127.0.0.1', 'BASH_FUNC_x%%': '() { :; }' };
    const { env, stderr } = await spawnIn(shell, ['--env-all', ...app]);
    expect(env).toMatchObject({ MINE: 'mine', HOME: site.home });
    const names = Object.keys(env).filter((name) => /^(REDIS_URL|MEOW_.*|BASH.*)$/.test(name));
    expect([names, stderr]).toEqual([[], '']);
  });

  test.each(KINDS)('of %s holds what is for meowctl where it was named', async (_, app) => {
    writeFileSync(file, 'REDIS_URL=redis://cache.example\n');
    const flags = ['--env-file', file, '--env', 'MEOW_HOME=/nowhere', '--env', 'MEOW_ADVERTISE=x'];
    const { env, row } = await spawnIn({}, [...flags, ...app]);
    expect(env).toMatchObject({ REDIS_URL: 'redis://cache.example', MEOW_HOME: '/nowhere' });
    expect(row.url).toContain('127.0.0.1');
  });

  test('reaches Node at the start of a module, and a program’s not its server’s', async () => {
    const flags = ['--env', 'NODE_OPTIONS=--title=cat-4711'];
    const [module, program] = KINDS.map(([, app]) => [...flags, ...app]);
    const one = await spawnIn({}, module ?? []);
    const two = await spawnIn({}, program ?? []);
    const started = ({ row }: { row: Row }) => readFileSync(`/proc/${row.pid}/environ`, 'utf8');
    expect(one.env.NODE_OPTIONS).toBe('--title=cat-4711');
    expect(started(one)).toContain('NODE_OPTIONS=--title=cat-4711\0');
    expect(two.env.NODE_OPTIONS).toBe('--title=cat-4711');
    expect(started(two)).not.toContain('NODE_OPTIONS=');
  });

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
    const { code, stderr } = await site.run(['spawn', '--', 'sh', '-c', 'exit 3'], {
      env: { DATABASE_URL: 'hush-4711' },
    });
    expect(code).toBe(5);
    const remedy = stderr.split('\n').find((line) => line.startsWith('  See what it said'));
    expect(remedy).toContain('1 other variable of the environment did not go to the app');
    expect(stderr).not.toContain('hush-4711');
  });
});

describe('the environment stays the same', () => {
  test.each(KINDS)('of %s: revived, restarted from elsewhere, after a stop', async (_, app) => {
    const first = { SECRET: 'hush-4711', NODE_ENV: 'production', LANG: 'C', OTHER: '1' };
    const { row, env } = await spawnIn(first, ['--env', 'SECRET', '--env', 'A=1', ...app]);
    const elsewhere = { NODE_ENV: 'test', SECRET: 'wrong', OTHER: '2', LANG: 'de_DE', A: '2' };
    const same = async (next: Row) => {
      const { PORT: _new, ...got } = await environmentOf(next);
      const { PORT: _old, ...had } = env;
      expect(got).toEqual(had);
      return next;
    };
    const keeper = site.start(['keep'], { env: elsewhere });
    process.kill(row.pid, 'SIGKILL');
    const revived = (await same(await serving(row.id))).id;
    keeper.kill('SIGTERM');
    await new Promise((resolve) => keeper.once('exit', resolve));
    await site.run(['restart'], { env: elsewhere, cwd: '/' });
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

  test('and its values are in no key, no log, no command line', async () => {
    writeFileSync(file, 'IN_FILE=hush-in-file\n');
    const flags = ['--env', 'SECRET=hush-declared', '--env-file', file, '--app', APP];
    const { env } = await spawnIn({ TZ: 'hush-base' }, flags);
    expect(env).toMatchObject({
      SECRET: 'hush-declared',
      IN_FILE: 'hush-in-file',
      TZ: 'hush-base',
    });
    const hashes = await Promise.all(
      ['servers', 'intents'].map((key) => site.raw.hgetall(`{meow}:${key}`)),
    );
    const kept = JSON.stringify(hashes);
    expect(kept).toContain(String.raw`\"env\":[\"SECRET\"]`);
    expect(kept + site.commandLines().join()).not.toContain('hush');
    const logs = join(site.home, 'logs');
    const said = readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8'));
    expect(said.join()).not.toContain('hush');
    for (const name of readdirSync(join(site.home, 'env'))) {
      expect(statSync(join(site.home, 'env', name)).mode & 0o777).toBe(0o600);
    }
  });

  test('but a file is read again; gone or broken, it starts nothing', async () => {
    writeFileSync(file, 'A=1\n');
    const { row } = await spawnIn({}, ['--env-file', file, '--app', APP]);
    writeFileSync(file, '\ufeffA=2\r\n');
    expect((await site.run(['restart'])).code).toBe(0);
    const next = await serving(row.id);
    expect((await environmentOf(next)).A).toBe('2');
    const nul = join(site.home, 'nul.env');
    writeFileSync(nul, 'A=\0');
    for (const [broken, why] of [
      [() => rmSync(file), 'is not there'],
      [() => spawnSync('mkfifo', [file]), 'is not a file'],
      [() => renameSync(nul, file), 'has a NUL'],
      [() => writeFileSync(file, Buffer.from([65, 61, 255])), 'is not UTF-8'],
      [() => writeFileSync(file, 'A=x\n'.repeat(300_000)), 'has 1200000 bytes'],
    ] as const) {
      broken();
      const { code, stderr } = await site.run(['restart']);
      expect([code, stderr.split('\n')[0]]).toEqual([1, expect.stringContaining(why)]);
      expect(stderr).toContain(`"${file}"`);
    }
    expect((await environmentOf(next)).A).toBe('2');
  });

  test.each([
    ['missing', (path: string) => rmSync(path)],
    ['empty', (path: string) => writeFileSync(path, '')],
    [
      'changed',
      (path: string) => writeFileSync(path, readFileSync(path, 'utf8').replace('hush', 'evil')),
    ],
  ])('or it is not started: its values are %s', async (_, harm) => {
    const { row } = await spawnIn({}, ['--env', 'SECRET=hush', '--app', APP]);
    for (const name of readdirSync(join(site.home, 'env'))) harm(join(site.home, 'env', name));
    const { code, stderr } = await site.run(['restart']);
    expect([code, stderr.split('\n')[0]]).toEqual([
      1,
      expect.stringContaining('missing or damaged'),
    ]);
    expect((await environmentOf(row)).SECRET).toBe('hush');
  });

  test('though its PATH leads nowhere any more: today’s is used, and said', async () => {
    const old = join(site.home, 'old-bin');
    mkdirSync(old);
    const tool = (folder: string) => {
      symlinkSync(process.execPath, join(folder, 'my-node'));
      return { PATH: `${folder}:/usr/bin:/bin` };
    };
    const { row } = await spawnIn(tool(old), ['--', 'my-node', APP, '{port}']);
    rmSync(old, { recursive: true });
    const today = join(site.home, 'new-bin');
    mkdirSync(today);
    const { stderr } = await site.run(['restart'], { env: tool(today) });
    const next = await serving(row.id);
    expect([stderr, (await environmentOf(next)).PATH]).toEqual(['', `${today}:/usr/bin:/bin`]);
    expect(site.log(next)).toContain('does not lead to "my-node" any more: today\'s is used');
  });
});

describe('variables', () => {
  test.each(KINDS)('of nearly 1 MiB in all reach %s', async (_, app) => {
    const lines = Array.from({ length: 8 }, (_, n) => `BIG_${n}=${'x'.repeat(130_000)}`);
    writeFileSync(file, lines.join('\n'));
    const { env } = await spawnIn({}, ['--env-file', file, ...app]);
    expect(Object.keys(env).filter((name) => env[name]?.length === 130_000)).toHaveLength(8);
  });

  test('two thousand of them are enough, one more is too many', async () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, n) => `V${n}=${n}`).join('\n');
    writeFileSync(file, lines(2_000));
    const { env } = await spawnIn({}, ['--env-file', file, '--app', APP]);
    expect(env.V1999).toBe('1999');
    writeFileSync(file, lines(2_001));
    const { code, stderr } = await site.run(['spawn', '--env-file', file, '--app', APP]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('has 2001 variables')]);
  });

  test('of apps that were asked for in different shells still make one app', async () => {
    for (const LANG of ['C', 'C.UTF-8']) await spawnIn({ LANG }, ['--env', 'A=1', '--app', APP]);
    expect((await site.run(['scale', '3'])).code).toBe(0);
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
    expect((await site.run(['restart'])).code).toBe(0);
    expect(await environmentOf(await serving(row.id))).toMatchObject({ SECRET: 'hush-4711' });
    old.kill('SIGKILL');
  });
});
