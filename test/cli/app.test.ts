import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/rows.ts';
import { openSite, ownProcesses, type RunOptions, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const APPS = join(import.meta.dirname, '..', 'fixtures', 'apps');
const PROGRAM = join(APPS, 'program.mjs');
const readsTypeScript = Boolean((process.features as { typescript?: unknown }).typescript);

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterEach(async () => {
  await site.run(['destroy', '--all', '--timeout', '1']);
  await raw.flushall();
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

async function spawn(args: readonly string[], options?: RunOptions): Promise<Row> {
  const { stdout, stderr } = await site.run(['spawn', '--json', ...args], {
    cwd: APPS,
    ...options,
  });
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(stderr);
  return row;
}

const text = async (url: string, init?: RequestInit) => (await fetch(url, init)).text();
const log = ({ id }: Row) => readFileSync(join(site.home, 'logs', `${id}.log`), 'utf8');
const nothingLeft = () =>
  until('no process is left', () => ownProcesses(site.home).length === 0, 8_000);
const commandLines = () =>
  ownProcesses(site.home).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));

/** The processes that a server runs, without the guards between. */
const programsOf = (row: Row) =>
  ownProcesses(site.home).filter((pid) => {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return pid !== row.pid && !line.startsWith('/bin/sh');
  });

/** Sends bytes after a change of protocol, and gives back what comes. */
function echoed(url: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'echo', 'sec-websocket-key': 'a2V5' };
    const asked = request(url, { headers, agent: false });
    asked.once('upgrade', (_, socket) => {
      socket.once('data', (chunk) => {
        resolve(String(chunk));
        socket.destroy();
      });
      socket.write(bytes);
    });
    asked.once('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
    asked.once('error', reject);
    asked.end();
  });
}

describe('spawn --app', () => {
  test.each([
    ['koa.js', 'hello from koa at /a/b'],
    ['listener.cjs', 'listener at /a/b'],
    ['server.mjs', 'server got GET /a/b'],
  ])('serves %s, answers its health check, and says what it is', async (file, answer) => {
    const row = await spawn(['--app', file]);
    expect(await text(`${row.url}/a/b`)).toContain(answer);
    expect(JSON.parse(await text(`${row.url}/healthz`))).toEqual({ id: row.id, state: 'up' });
    expect(row).toMatchObject({ app: join(APPS, file), state: 'up' });
  });

  test.runIf(readsTypeScript)('serves TypeScript where Node reads it', async () => {
    const row = await spawn(['--app', 'typed.ts']);
    expect(await text(`${row.url}/t`)).toBe('typed at /t\n');
  });

  test.skipIf(readsTypeScript)('names the Node that TypeScript needs', async () => {
    const { code, stderr } = await site.run(['spawn', '--app', join(APPS, 'typed.ts')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`Node ${process.versions.node} cannot load TypeScript`);
    expect(stderr).toContain('22.18');
  });

  test('lets an http.Server take its upgrades', async () => {
    const row = await spawn(['--app', 'server.mjs']);
    expect(await echoed(row.url, 'meow?')).toBe('meow?');
  });

  test('serves on after a request that went wrong', async () => {
    const lent = await spawn(['--app', 'server.mjs']);
    const listener = await spawn(['--app', 'listener.cjs']);
    expect((await fetch(`${lent.url}/throw`)).status).toBe(500);
    expect((await fetch(`${listener.url}/reject`)).status).toBe(500);
    expect(log(lent)).toContain('thrown on purpose');
    expect(log(listener)).toContain('rejected on purpose');
    expect(await text(`${lent.url}/`)).toContain('server got');
    expect(await text(`${listener.url}/`)).toContain('listener at');
  });

  test('gives it variables and a folder; no command line and no list shows a value', async () => {
    const env = { HUSH: 'from-here-61' };
    const args = ['--app', 'koa.js', '--env', 'GREETING=hush-4711', '--env', 'HUSH', '--cwd', '..'];
    const { url } = await spawn(args, { env });
    const folder = join(APPS, '..');
    expect(await text(url)).toBe(`hush-4711 from koa at / in ${folder}\n`);
    expect(commandLines().join()).not.toMatch(/hush-4711|from-here-61/);
    expect((await site.run(['ls', '--json'])).stdout).not.toMatch(/hush-4711|from-here-61/);
  });

  test('leaves REDIS_URL to the app where it is told one', async () => {
    const app = join(site.home, 'env.mjs');
    writeFileSync(app, 'export default (_, res) => res.end(JSON.stringify(process.env));');
    const { url } = await spawn(['--app', app, '--env', 'REDIS_URL=redis://elsewhere']);
    const env = JSON.parse(await text(url)) as Record<string, string>;
    expect(env.REDIS_URL).toBe('redis://elsewhere');
    expect(env.MEOW_APP).toBeUndefined();
  });

  test('answers for its health elsewhere, and leaves /healthz to the app', async () => {
    const row = await spawn(['--app', 'listener.cjs', '--health', '/alive']);
    expect(JSON.parse(await text(`${row.url}/alive`))).toEqual({ id: row.id, state: 'up' });
    expect(await text(`${row.url}/healthz`)).toBe('listener at /healthz\n');
    expect(JSON.parse((await raw.hget('{meow}:servers', row.id)) ?? '').health).toBe('/alive');
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
    await nothingLeft();
    expect(await raw.keys('{meow}:*')).toEqual([]);
  });

  test('lets a request finish that was there when it is told to go, then cleans up', async () => {
    const row = await spawn(['--app', 'cleans-up.js']);
    const slow = await fetch(`${row.url}/slow`); // its first words are here
    process.kill(row.pid, 'SIGTERM');
    expect(await slow.text()).toBe('begun, done\n');
    await nothingLeft();
    expect(log(row)).toContain('cleaned up');
    expect(await site.list()).toEqual([]);
  });

  test('of an app that keeps its process alive and sets its title is still destroyed', async () => {
    const row = await spawn(['--app', 'cleans-up.js']);
    expect((await site.run(['destroy', row.id, '--force'])).code).toBe(0);
    await nothingLeft();
  });
});

describe('spawn -- program', () => {
  const serve = (...words: string[]) => ['--', process.execPath, PROGRAM, '{port}', ...words];

  test('serves a folder with python, streams and all', async () => {
    const row = await spawn(['--', 'python3', '-m', 'http.server', '{port}']);
    expect(await text(row.url)).toContain('koa.js');
    expect(await text(`${row.url}/koa.js`)).toBe(readFileSync(join(APPS, 'koa.js'), 'utf8'));
    expect(JSON.parse(await text(`${row.url}/healthz`))).toEqual({ id: row.id, state: 'up' });
    expect(row.app).toBe('python3 -m http.server {port}');
  });

  test('many at once get a port each', async () => {
    const runs = Array.from({ length: 3 }, () => site.run(['spawn', '2', '-q', ...serve()]));
    const urls = (await Promise.all(runs)).flatMap(({ stdout }) => stdout.trim().split('\n'));
    const answers = await Promise.all(urls.map((url) => text(url)));
    expect(new Set(answers.map((answer) => /program (\d+)/.exec(answer)?.[1])).size).toBe(6);
  });

  test('tells it its port by environment too, and variables only there', async () => {
    const row = await spawn(['--env', 'SECRET=hush-4711', ...serve()]);
    const env = JSON.parse(await text(`${row.url}/env`)) as Record<string, string>;
    expect(await text(row.url)).toContain(`on ${env.PORT} `);
    expect(env).toMatchObject({ SECRET: 'hush-4711' });
    expect(env.MEOW_APP).toBeUndefined();
    expect(commandLines().join()).not.toContain('hush-4711');
  });

  test('passes upgrades on', async () => {
    const row = await spawn(serve());
    expect(await echoed(row.url, 'meow?')).toBe('meow?');
  });

  test('waits until its health path answers below 500', async () => {
    const before = performance.now();
    const row = await spawn(serve('broken'));
    expect(performance.now() - before).toBeGreaterThan(1_000);
    expect((await fetch(row.url)).status).toBe(200);
  });

  test('takes another port when somebody has the first one', async () => {
    const port = await freePort();
    const inner = port + 10_000 > 65_535 ? port + 10_000 - 64_512 : port + 10_000;
    const stranger = createServer().listen(inner, '127.0.0.1');
    const row = await spawn(['--port', String(port), ...serve()]);
    stranger.close();
    expect(await text(row.url)).toMatch(/^program/);
    expect(await text(row.url)).not.toContain(`on ${inner} `);
  });

  test.each([
    ['ends at once', ['sh', '-c', 'echo oops >&2; exit 4'], /ended with exit code 4/, /oops/],
    ['is not there', ['no-such-program'], /was not found/, /not found/],
    [
      'never answers',
      [process.execPath, PROGRAM, '{port}', 'silent'],
      /did not answer/,
      /\{port\}/,
    ],
  ])('of one that %s exits 5 with its log, and leaves nothing', async (_, words, why, tail) => {
    const { code, stderr } = await site.run(['spawn', '--timeout', '2', '--', ...words]);
    expect(code).toBe(5);
    expect(stderr).toMatch(why);
    expect(stderr).toMatch(tail);
    await nothingLeft();
    expect(await raw.keys('{meow}:*')).toEqual([]);
  });

  test('that dies takes its server out at once; it is still wanted', async () => {
    const row = await spawn(serve());
    await fetch(`${row.url}/die`).catch(() => {});
    await nothingLeft();
    expect(await raw.hlen('{meow}:servers')).toBe(0);
    expect(JSON.parse((await raw.hget('{meow}:intents', row.id)) ?? '').state).toBe('wanted');
    expect(log(row)).toContain('ended with exit code 3');
  });

  test('that dies in the foreground exits 1', async () => {
    const child = site.start(['serve', ...serve()]);
    const code = new Promise((resolve) => child.once('exit', resolve));
    const row = await until('it serves', async () => (await site.list())[0]);
    await fetch(`${row.url}/die`).catch(() => {});
    expect(await code).toBe(1);
    expect(await site.list()).toEqual([]);
  });

  test('does not outlive a server that is killed', async () => {
    const row = await spawn(serve());
    expect(programsOf(row)).toHaveLength(1);
    process.kill(row.pid, 'SIGKILL');
    await nothingLeft();
  });

  test('finishes what it has before it is ended, and is gone with its server', async () => {
    const row = await spawn(serve());
    const slow = await fetch(`${row.url}/slow`); // its first words are here
    const { code } = await site.run(['destroy', row.id, '--force']);
    expect(code).toBe(0);
    expect(await slow.text()).toMatch(/^begun, program .* got \/slow/);
    expect(ownProcesses(site.home)).toEqual([]);
  });

  test('that ignores SIGTERM is killed after its grace', async () => {
    const row = await spawn(serve('deaf'));
    expect((await site.run(['destroy', row.id, '--force'])).code).toBe(0);
    expect(ownProcesses(site.home)).toEqual([]);
    expect(log(row)).toContain('no\n');
  }, 20_000);

  test('says so when it does not answer any more', async () => {
    const row = await spawn(serve());
    const [pid = 0] = programsOf(row);
    process.kill(pid, 'SIGSTOP');
    const answer = await fetch(`${row.url}/healthz`);
    process.kill(pid, 'SIGCONT');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ id: row.id, state: 'failing' });
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
  ])('%j exits %i', async (args, exit, why) => {
    const { code, stdout, stderr } = await site.run(['spawn', ...args]);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(why);
    expect(stderr).not.toContain('hush');
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

  test('does not run what somebody else wrote into Redis', async () => {
    const marker = join(site.home, 'was-here');
    const spec = { kind: 'program', command: ['touch', marker], env: {}, cwd: '/', health: null };
    const place = { host: hostname(), bootId: 'b', pid: 4_000_000, pidStart: '1', port: 3001 };
    const listen = { fixedPort: false, listenHost: '127.0.0.1', advertise: null };
    const intent = { app: 'cat', spec, ...place, ...listen, state: 'wanted' };
    await raw.hset('{meow}:intents', 'abc234', JSON.stringify(intent));
    const child = site.start(['up', '-n', '1', '--port', String(await freePort()), '--no-admin']);
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    await until('it says so', () => said.includes('was not asked for on this machine'));
    await until('up is ready', () => said.includes('Ctrl-C'));
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(existsSync(marker)).toBe(false);
  });

  test('in the background keeps values off its command line', async () => {
    const port = String(await freePort());
    const args = ['--detach', '--port', port, '--no-admin', '--app', 'koa.js'];
    const { code } = await site.run(['up', ...args, '--env', 'GREETING=hush-4711'], { cwd: APPS });
    expect(code).toBe(0);
    expect(commandLines().join()).not.toContain('hush-4711');
    await until('it serves', async () => (await site.list()).length === 2);
    expect(await text(`http://127.0.0.1:${port}/`)).toContain('hush-4711 from koa');
    expect((await site.run(['down'])).code).toBe(0);
    await nothingLeft();
  });
});
