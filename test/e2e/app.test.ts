import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { APPS, type AppSite, echoed, openAppSite, text } from '../helpers/app-site.ts';
import { BIN, finish, type Result } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { runHere } from '../helpers/run-here.ts';
import { until } from '../helpers/until.ts';

const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);

/** What Redis keeps of a fleet, whether it has servers or not. */
const OF_THE_FLEET = ['{meow}:events', '{meow}:registry', '{meow}:schema'];

let site: AppSite;

beforeAll(async () => {
  site = await openAppSite();
});
afterAll(() => site.close());

describe('spawn --app', () => {
  let koa: Row;
  let listener: Row;
  let server: Row;
  let hono: Row;

  beforeAll(async () => {
    const env = ['--env', 'GREETING=hush-4711', '--env', 'HUSH'];
    [koa, listener, server, hono] = await Promise.all([
      site.spawn(['--app', 'koa.js', ...env, '--cwd', '..'], { env: { HUSH: 'from-here-61' } }),
      site.spawn(['--app', 'listener.cjs', '--health', '/alive']),
      site.spawn(['--app', 'server.mjs']),
      site.spawn(['--app', 'hono.mjs', '--env', 'GREETING=hi']),
    ]);
  });
  afterAll(() => site.clear());

  test('serves a Koa app, a listener, an http.Server and a Hono app, and says what they are', async () => {
    for (const [row, file, answer] of [
      [koa, 'koa.js', 'from koa at /a/b'],
      [listener, 'listener.cjs', 'listener at /a/b'],
      [server, 'server.mjs', 'server got GET /a/b'],
      [hono, 'hono.mjs', '404 Not Found'],
    ] as const) {
      expect(await text(`${row.url}/a/b`)).toContain(answer);
      expect(row).toMatchObject({ app: join(APPS, file), state: 'up' });
    }
  });

  test('answers their health check, out of the way of an app that has a page of its own', async () => {
    for (const { id, url } of [koa, server]) {
      expect(JSON.parse(await text(`${url}/healthz`))).toEqual({ id, state: 'up' });
    }
    const { id, url } = listener;
    expect(await text(`${url}/alive`)).toBe('listener at /alive\n');
    expect(await text(`${url}/healthz`)).toBe('listener at /healthz\n');
    const { health } = JSON.parse((await site.raw.hget('{meow}:servers', id)) ?? '');
    expect(JSON.parse(await text(`${url}${health}`))).toEqual({ id, state: 'up' });
    // What the server itself asks of the app is no request of a client.
    expect((await site.list()).find((row) => row.id === id)?.requests ?? 9).toBeLessThan(4);
  });

  test('lets an http.Server take its upgrades', async () => {
    expect(await echoed(server.url, 'meow?')).toBe('meow?');
  });

  test('gives it variables and a folder; no command line and no list shows a value', async () => {
    expect(await text(koa.url)).toBe(`hush-4711 from koa at / in ${join(APPS, '..')}\n`);
    expect(site.commandLines().join()).not.toMatch(/hush-4711|from-here-61/);
    expect((await site.call(['ls', '--json'])).stdout).not.toMatch(/hush-4711|from-here-61/);
  });

  test('serves on after a request that went wrong', async () => {
    expect((await fetch(`${server.url}/throw`)).status).toBe(500);
    expect((await fetch(`${listener.url}/reject`)).status).toBe(500);
    expect(site.log(server)).toContain('thrown on purpose');
    expect(site.log(listener)).toContain('rejected on purpose');
    expect(await text(`${server.url}/`)).toContain('server got');
    expect(await text(`${listener.url}/`)).toContain('listener at');
  });
});

describe('an app', () => {
  afterEach(() => site.clear());

  test('in TypeScript is served where Node reads it; elsewhere the Node it needs is named', async () => {
    if (readsTypeScript) {
      const row = await site.spawn(['--app', 'typed.ts']);
      expect(await text(`${row.url}/t`)).toBe('typed at /t\n');
      return;
    }
    const { code, stderr } = await site.call(['spawn', '--app', join(APPS, 'typed.ts')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Node ${process.versions.node} cannot load TypeScript`);
    expect(stderr).toContain('22.18');
    expect(stderr).toContain('typed.ts --env NODE_OPTIONS=--import=tsx');
    expect(stderr).toContain('`meowctl spawn -- npx tsx ');
  });

  test.each([
    ['throws.js', 5, /threw while it was loaded: "no database at db\.example/],
    ['nothing.js', 1, /has a default export that is no app/],
    ['missing.js', 1, /there is no file/],
  ])('of %s exits %i, says why, and leaves nothing behind', async (file, exit, why) => {
    const { code, stdout, stderr } = await site.call(['spawn', '--app', file], { cwd: APPS });
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr.split('\n')[0]).toMatch(why);
    if (exit === 5) expect(stderr).toContain('throws.js:2');
    await site.nothingLeft();
    const keys = await site.raw.keys('{meow}:*');
    expect(keys.filter((key) => !OF_THE_FLEET.includes(key))).toEqual([]);
  });

  test.each([
    ['throws.js', 5, 'threw while it was loaded'],
    ['listens.js', 1, 'listens by itself'],
    ['keeps-alive.js', 1, 'keeps-alive.js'],
  ])('of %s ends in the foreground too', async (file, exit, why) => {
    const { code, stderr } = await site.run(['serve', '--app', join(APPS, file)]);
    expect([code, stderr]).toEqual([exit, expect.stringContaining(why)]);
    expect(stderr).toContain(file);
  });

  test('that listens by itself is served by the command line that its refusal names', async () => {
    const { code, stderr } = await site.call(['spawn', '--app', 'listens.js'], { cwd: APPS });
    const [, named = ''] = /`meowctl (spawn -- [^`]+)`/.exec(stderr) ?? [];
    expect([code, named]).toEqual([1, 'spawn -- node listens.js']);
    const row = await site.spawn(named.split(' ').slice(1));
    expect(await text(row.url)).toBe('mine\n');
  });

  test('that keeps its process alive and sets its title finishes what it has, and cleans up', async () => {
    const [asked, destroyed] = await Promise.all(
      [1, 2].map(() => site.spawn(['--app', 'cleans-up.js', '--drain-signal', 'USR2'])),
    );
    if (!asked || !destroyed) throw new Error('no server');
    const slow = await fetch(`${asked.url}/slow`); // its first words are here
    process.kill(asked.pid, 'SIGTERM');
    expect(await slow.text()).toBe('begun, done\n');
    expect((await site.call(['destroy', destroyed.id, '--force'])).code).toBe(0);
    await site.nothingLeft();
    const said = /heard that it leaves\n.*on purpose, and of no consequence.*cleaned up/s;
    for (const row of [asked, destroyed]) expect(site.log(row)).toMatch(said);
    expect(await site.list()).toMatchObject([{ id: asked.id, state: 'stopped' }]);
  });
});

describe('a command line about an app', () => {
  test.each([
    [['--app', 'a.js', '--', 'b'], 2, '--app together with a program'],
    [['--'], 2, 'no program after --'],
    [['--env', '=hush', '--', 'b'], 2, 'variable name ""'],
    [['--env', 'A-B=hush', '--', 'b'], 2, 'variable name "A-B"'],
    [['--env', 'NOT_SET_HERE', '--', 'b'], 2, 'NOT_SET_HERE is not set'],
    [['--health', 'healthz', '--', 'b'], 2, 'health path "healthz"'],
    [['--health', '/.meowctl/health', '--', 'b'], 2, '"/.meowctl/health" is meowctl\'s own'],
    [['--health-status', '200', '--app', 'a.js'], 2, '--health-status without --health'],
    [['--health-status', '', '--', 'b'], 2, 'status ""'],
    [['--no-http'], 2, '--no-http without a program'],
    [['--no-http', '--app', 'a.js'], 2, '--no-http without a program'],
    [['--no-http', '--', ''], 2, 'no program after --'],
    [['--no-http', '--port', '3005', '--', 'b'], 2, '--port together with --no-http'],
    [['--no-http', '--host', '0.0.0.0', '--', 'b'], 2, '--host together with --no-http'],
    [['--no-http', '--advertise', 'c', '--', 'b'], 2, '--advertise together with --no-http'],
    [['--no-http', '--health', '/', '--', 'b'], 2, '--health together with --no-http'],
    [['--no-http', '--health-status', '200', '--', 'b'], 2, '--health-status together with'],
    [['--no-http', '--', 'b', '--at={port}'], 2, '{port} together with --no-http'],
    [['--no-http=1', '--', 'b'], 2, '--no-http'],
    [['--drain-signal', 'SIGKILL', '--', 'b'], 2, 'signal "SIGKILL" is not one for this'],
    [['--drain-signal', 'SIGTERM', '--', 'b'], 2, 'signal "SIGTERM"'],
    [['--drain-signal', 'usr2', '--', 'b'], 2, 'signal "usr2"'],
    [['--drain-signal', '', '--', 'b'], 2, 'signal ""'],
    [['--kill-timeout', '-1', '--', 'b'], 2, 'time "-1"'],
    [['--kill-timeout', '1e3', '--', 'b'], 2, 'time "1e3"'],
    [['--kill-timeout', '90000', '--', 'b'], 2, 'time "90000"'],
    [['--health-status', '2xx', '--', 'b'], 2, 'status "2xx"'],
    [['--health-status', '399-200', '--', 'b'], 2, 'status "399-200"'],
    [['--health-status', '99-700', '--', 'b'], 2, 'status "99-700"'],
    [['--health-status', '２００', '--', 'b'], 2, 'status "２００"'],
    [['--cwd', 'nowhere', '--', 'b'], 1, 'no folder "nowhere"'],
    [['--env', 'toString', '--', 'b'], 2, 'toString is not set'],
    [['--env-file'], 2, '"--env-file <file>" argument missing'],
    [['--env-all=1', '--', 'b'], 2, '--env-all'],
  ])('%j exits %i', async (args, exit, why) => {
    const { code, stdout, stderr } = await runHere(['spawn', ...args], site.env);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(why);
    expect(stderr).not.toContain('hush');
  });

  const expectNoFile = ({ code, stdout, stderr }: Result, why: string) => {
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const first = expect.stringMatching(/^meowctl: /);
    expect(stderr.split('\n')).toEqual([first, '  Check --env-file', '']);
    expect(stderr).toContain(why);
  };

  test.each([
    ['a pipe', 'a pipe" is not a file'],
    ['/', 'env file "/" is not a file'],
    ['a\u001b[31m', 'a\\u001b[31m" is not there'],
    ['', 'env file "'],
  ])('--env-file %j exits 1', async (name, why) => {
    const file = name === '' ? '' : resolve(site.home, name);
    spawnSync('mkfifo', ['-m', '600', 'a pipe'], { cwd: site.home });
    expectNoFile(await runHere(['spawn', '--env-file', file, '--', 'b'], site.env), why);
  });

  // By itself, not `node bin/meowctl.js …`: there Node takes the flag for its own.
  test('--env-file is not taken by Node for its own', async () => {
    const place = { cwd: site.home, env: { ...site.env }, stdio: 'pipe' } as const;
    const child = spawn(BIN, ['spawn', '--env-file', 'nowhere.env', '--', 'b'], place);
    expectNoFile(await finish(child), 'nowhere.env" is not there');
  });

  test('a message may still begin with a dash', async () => {
    expect((await site.call(['set', '--', '-meow-'])).code).toBe(0);
    expect((await site.call(['get'])).stdout).toBe('-meow-\n');
  });
});

describe('up --app', () => {
  afterEach(() => site.clear());

  const up = async (count: number, ...args: string[]) => {
    const door = String(await freePort());
    const child = site.start(['up', '--port', door, '--no-admin', ...args], { cwd: APPS });
    await until('they serve', async () => {
      const all = await site.list();
      return all.length === count && all.every(({ doors }) => doors[0] === 'usable') && all;
    });
    const end = async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    };
    return { end, url: `http://127.0.0.1:${door}` };
  };

  test('fills the fleet with it, the next `up` brings it back, and `down` forgets it', async () => {
    const first = await up(1, '-n', '1', '--app', 'koa.js', '--env', 'GREETING=hi');
    expect(await text(first.url)).toContain('hi from koa');
    await first.end();
    const second = await up(1);
    expect(await text(second.url)).toContain('hi from koa');
    await second.end();
    const third = await up(2, '-n', '2', '--app', 'listener.cjs');
    expect(await text(third.url)).toBe('listener at /\n');
    await third.end();
    // It leaves a memory of its servers.
    const { code, stderr } = await site.run(['down']);
    expect([code, stderr]).toEqual([0, 'ended: what was remembered of 2 servers\n']);
    expect((await site.run(['down'])).stderr).toBe('nothing is running\n');
  });

  test('does not run what somebody else wrote into Redis', async () => {
    const marker = join(site.home, 'was-here');
    const spec = { kind: 'program', command: ['touch', marker], env: {}, cwd: '/', health: null };
    const place = { host: hostname(), bootId: 'b', pid: 4_000_000, pidStart: '1', port: 3001 };
    const listen = { fixedPort: false, listenHost: '127.0.0.1', advertise: null };
    const desired = { app: 'cat', spec, ...place, ...listen, state: 'wanted' };
    await site.raw.hset('{meow}:intents', 'abc234', JSON.stringify(desired));
    const child = site.start(['up', '-n', '1', '--port', String(await freePort()), '--no-admin']);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    await until('up is ready', () => said.includes('Ctrl-C'));
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(existsSync(marker)).toBe(false);
  });

  test('in the background keeps values off its command line', async () => {
    const port = String(await freePort());
    const args = ['--detach', '--port', port, '--no-admin', '--app', 'koa.js'];
    const file = join(site.home, 'up.env');
    writeFileSync(file, 'GREETING=hush-file\n');
    const env = ['--env', 'GREETING=hush-4711', `--env-file=${file}`, '--env-all'];
    const { code, stderr } = await site.run(['up', ...args, ...env, '-n', '1'], { cwd: APPS });
    expect([code, stderr]).toEqual([0, expect.stringContaining(`:${port}, 1 server, in the`)]);
    expect(site.commandLines().join()).not.toMatch(/hush|--env/);
    await until('it serves', async () => (await site.list()).length === 1);
    expect(await text(`http://127.0.0.1:${port}/`)).toContain('hush-4711 from koa');
    const down = await site.run(['down']);
    expect([down.code, down.stderr]).toEqual([0, 'ended: `meowctl up`, 1 server\n']);
    await site.nothingLeft();
  });
});
