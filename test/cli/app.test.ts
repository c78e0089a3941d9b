import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BIN, finish } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { APPS, type AppSite, echoed, openAppSite, text } from './apps.ts';

const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);

let site: AppSite;

beforeAll(async () => {
  site = await openAppSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

describe('spawn --app', () => {
  test.each([
    ['koa.js', 'hello from koa at /a/b'],
    ['listener.cjs', 'listener at /a/b'],
    ['server.mjs', 'server got GET /a/b'],
  ])('serves %s, answers its health check, and says what it is', async (file, answer) => {
    const row = await site.spawn(['--app', file]);
    expect(await text(`${row.url}/a/b`)).toContain(answer);
    expect(JSON.parse(await text(`${row.url}/healthz`))).toEqual({ id: row.id, state: 'up' });
    expect(row).toMatchObject({ app: join(APPS, file), state: 'up' });
  });

  test('serves TypeScript where Node reads it, and names the Node it needs elsewhere', async () => {
    if (readsTypeScript) {
      const row = await site.spawn(['--app', 'typed.ts']);
      expect(await text(`${row.url}/t`)).toBe('typed at /t\n');
      return;
    }
    const { code, stderr } = await site.run(['spawn', '--app', join(APPS, 'typed.ts')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Node ${process.versions.node} cannot load TypeScript`);
    expect(stderr).toContain('22.18');
  });

  test('lets an http.Server take its upgrades', async () => {
    const row = await site.spawn(['--app', 'server.mjs']);
    expect(await echoed(row.url, 'meow?')).toBe('meow?');
  });

  test('serves on after a request that went wrong', async () => {
    const lent = await site.spawn(['--app', 'server.mjs']);
    const listener = await site.spawn(['--app', 'listener.cjs']);
    expect((await fetch(`${lent.url}/throw`)).status).toBe(500);
    expect((await fetch(`${listener.url}/reject`)).status).toBe(500);
    expect(site.log(lent)).toContain('thrown on purpose');
    expect(site.log(listener)).toContain('rejected on purpose');
    expect(await text(`${lent.url}/`)).toContain('server got');
    expect(await text(`${listener.url}/`)).toContain('listener at');
  });

  test('gives it variables and a folder; no command line and no list shows a value', async () => {
    const env = { HUSH: 'from-here-61' };
    const args = ['--app', 'koa.js', '--env', 'GREETING=hush-4711', '--env', 'HUSH', '--cwd', '..'];
    const { url } = await site.spawn(args, { env });
    const folder = join(APPS, '..');
    expect(await text(url)).toBe(`hush-4711 from koa at / in ${folder}\n`);
    expect(site.commandLines().join()).not.toMatch(/hush-4711|from-here-61/);
    expect((await site.run(['ls', '--json'])).stdout).not.toMatch(/hush-4711|from-here-61/);
  });

  test('leaves REDIS_URL to the app where it is told one', async () => {
    const app = join(site.home, 'env.mjs');
    writeFileSync(app, 'export default (_, res) => res.end(JSON.stringify(process.env));');
    const { url } = await site.spawn(['--app', app, '--env', 'REDIS_URL=redis://elsewhere']);
    const env = JSON.parse(await text(url)) as Record<string, string>;
    expect(env.REDIS_URL).toBe('redis://elsewhere');
    expect(env.MEOW_APP).toBeUndefined();
  });

  test('answers for its health elsewhere, and leaves /healthz to the app', async () => {
    const row = await site.spawn(['--app', 'listener.cjs', '--health', '/alive']);
    expect(JSON.parse(await text(`${row.url}/alive`))).toEqual({ id: row.id, state: 'up' });
    expect(await text(`${row.url}/healthz`)).toBe('listener at /healthz\n');
    expect(JSON.parse((await site.raw.hget('{meow}:servers', row.id)) ?? '').health).toBe('/alive');
  });

  test.each([
    ['throws.js', 5, /threw while it was loaded: no database at db\.example/],
    ['nothing.js', 1, /has a default export that is no app/],
    ['listens.js', 1, /listens by itself/],
    ['missing.js', 1, /there is no file/],
  ])('of %s exits %i, says why, and leaves nothing behind', async (file, exit, why) => {
    const { code, stdout, stderr } = await site.run(['spawn', '--app', file], { cwd: APPS });
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr.split('\n')[0]).toMatch(why);
    if (exit === 5) expect(stderr).toContain('throws.js:2');
    await site.nothingLeft();
    const keys = await site.raw.keys('{meow}:*');
    expect(keys.filter((key) => key !== '{meow}:registry')).toEqual([]);
  });

  test.each(['throws.js', 'nothing.js', 'listens.js', 'keeps-alive.js'])(
    'of %s ends in the foreground too',
    async (file) => {
      const { code, stderr } = await site.run(['serve', '--app', join(APPS, file)]);
      expect(code).toBe(file === 'throws.js' ? 5 : 1);
      expect(stderr).toContain(file);
    },
  );

  test('lets a request finish that was there when it is told to go, then cleans up', async () => {
    const row = await site.spawn(['--app', 'cleans-up.js']);
    const slow = await fetch(`${row.url}/slow`); // its first words are here
    process.kill(row.pid, 'SIGTERM');
    expect(await slow.text()).toBe('begun, done\n');
    await site.nothingLeft();
    expect(site.log(row)).toContain('cleaned up');
    expect(await site.list()).toEqual([]);
  });

  test('of an app that keeps its process alive and sets its title is still destroyed', async () => {
    const row = await site.spawn(['--app', 'cleans-up.js']);
    expect((await site.run(['destroy', row.id, '--force'])).code).toBe(0);
    await site.nothingLeft();
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
    [['--cwd', 'nowhere', '--', 'b'], 1, 'no folder "nowhere"'],
    [['--env', 'toString', '--', 'b'], 2, 'toString is not set'],
    [['--env-file'], 2, '"--env-file <file>" argument missing'],
    [['--env-all=1', '--', 'b'], 2, '--env-all'],
  ])('%j exits %i', async (args, exit, why) => {
    const { code, stdout, stderr } = await site.run(['spawn', ...args]);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(why);
    expect(stderr).not.toContain('hush');
  });

  // By itself, not `node bin/meowctl.js …`: there Node takes the flag for its own.
  test.each([
    ['nowhere.env', 'nowhere.env" is not there'],
    ['a pipe', 'a pipe" is not a file'],
    ['/', 'env file "/" is not a file'],
    ['a\u001b[31m', 'a\\u001b[31m" is not there'],
    ['', 'env file "'],
  ])('--env-file %j exits 1', async (file, why) => {
    spawnSync('mkfifo', ['-m', '600', 'a pipe'], { cwd: site.home });
    const place = { cwd: site.home, env: { ...site.env }, stdio: 'pipe' } as const;
    const { code, stdout, stderr } = await finish(
      spawn(BIN, ['spawn', '--env-file', file, '--', 'b'], place),
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^meowctl: /),
      '  Check --env-file',
      '',
    ]);
    expect(stderr).toContain(why);
  });

  test('a message may still begin with a dash', async () => {
    expect((await site.run(['set', '--', '-meow-'])).code).toBe(0);
    expect((await site.run(['get'])).stdout).toBe('-meow-\n');
  });
});

describe('up --app', () => {
  const up = async (...args: string[]) => {
    const door = String(await freePort());
    const child = site.start(['up', '--port', door, '--no-admin', ...args], { cwd: APPS });
    const rows = await until('two serve', async () => {
      const all = await site.list();
      return all.length === 2 && all.every(({ doors }) => doors[0] === 'usable') && all;
    });
    const end = async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    };
    return { rows, end, url: `http://127.0.0.1:${door}` };
  };

  test('fills the fleet with it, and the next `up` brings it back', async () => {
    const first = await up('--app', 'koa.js', '--env', 'GREETING=hi');
    expect(await text(first.url)).toContain('hi from koa');
    await first.end();
    const second = await up();
    expect(await text(second.url)).toContain('hi from koa');
    await second.end();
    const third = await up('--app', 'listener.cjs');
    expect(await text(third.url)).toBe('listener at /\n');
    await third.end();
  });

  test('leaves a memory of its servers, and `down` says that none of them ran', async () => {
    const { end } = await up();
    await end();
    const { code, stderr } = await site.run(['down']);
    expect([code, stderr]).toEqual([0, 'ended: what was remembered of 2 servers\n']);
    expect((await site.run(['down'])).stderr).toBe('nothing is running\n');
  });

  test('does not run what somebody else wrote into Redis', async () => {
    const marker = join(site.home, 'was-here');
    const spec = { kind: 'program', command: ['touch', marker], env: {}, cwd: '/', health: null };
    const place = { host: hostname(), bootId: 'b', pid: 4_000_000, pidStart: '1', port: 3001 };
    const listen = { fixedPort: false, listenHost: '127.0.0.1', advertise: null };
    const intent = { app: 'cat', spec, ...place, ...listen, state: 'wanted' };
    await site.raw.hset('{meow}:intents', 'abc234', JSON.stringify(intent));
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
