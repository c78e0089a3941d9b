import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import type { RedisSettings } from '../../src/local-redis/find.ts';
import {
  ensureRedis,
  findRedis,
  reviveLocalRedis,
  stopLocalRedis,
} from '../../src/local-redis/run.ts';
import { identify } from '../../src/process/identity.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { freePort, startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const env = { PATH: process.env.PATH ?? '' };

interface Place {
  readonly settings: RedisSettings;
  readonly home: string;
  readonly probeUrl: string;
  readonly port: number;
  readonly env: Record<string, string>;
}

/** A state folder, a usual address at which nobody answers, and a port to try first. */
async function place(): Promise<Place> {
  const home = join(temporaryFolder(), 'home');
  const [probe, port] = [await freePort(), await freePort()];
  return { home, probeUrl: `redis://127.0.0.1:${probe}`, port, env, settings: defaults };
}

/** Ended when the test has: the folder of the place outlives it. */
function ensure(where: Place) {
  onTestFinished(async () => {
    await stopLocalRedis(where.home, defaults);
  });
  return ensureRedis(where);
}

interface Run {
  readonly port: number;
  readonly pid: number;
}

function runOf({ home }: Place): Run {
  return JSON.parse(readFileSync(join(home, 'redis', 'run.json'), 'utf8')) as Run;
}

async function command(url: string, ...args: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on('error', () => {});
  try {
    return await client.call(...args);
  } finally {
    client.disconnect();
  }
}

function passwordIn(url: string): string {
  return new URL(url).password;
}

function redisServersFor(home: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    const words = identify(pid)?.commandLine ?? [];
    return words.some((word) => word.startsWith(`${home}/redis/`));
  });
}

async function listen(port: number, answer: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer && socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return server;
}

describe('the local Redis', () => {
  test('is started where none answers: a password, an append-only file, no eviction', async () => {
    const where = await place();
    expect(await findRedis(where)).toBeNull();
    expect(existsSync(where.home)).toBe(false);
    const { url, source, started } = await ensure(where);
    expect([source, started, new URL(url).port]).toEqual(['local', true, String(where.port)]);
    expect(await command(url, 'PING')).toBe('PONG');
    const settings = await command(url, 'CONFIG', 'GET', 'appendonly', 'maxmemory-policy', 'bind');
    const expected = ['appendonly', 'yes', 'maxmemory-policy', 'noeviction', 'bind', '127.0.0.1'];
    expect([settings].flat().sort()).toEqual(expected.sort());
    await expect(command(url.replace(/:\/\/.*@/, '://'), 'PING')).rejects.toThrow('NOAUTH');
  });

  test('keeps its password off every command line, and its files to their owner', async () => {
    const where = await place();
    const { url } = await ensure(where);
    const { pid } = runOf(where);
    expect(identify(pid)?.commandLine.join(' ')).not.toContain(passwordIn(url));
    expect(readFileSync(join(where.home, 'redis', 'redis.log'), 'utf8')).not.toContain(
      passwordIn(url),
    );
    const modes = ['', 'redis', 'redis/redis.conf', 'redis/run.json', 'redis/redis.log'];
    expect(modes.map((name) => statSync(join(where.home, name)).mode & 0o777)).toEqual([
      ...[0o700, 0o700, 0o600, 0o600, 0o600],
    ]);
  });

  test('is used again while it answers, and found by those who may not start one', async () => {
    const where = await place();
    const first = await ensure(where);
    expect(await ensureRedis(where)).toEqual({ ...first, started: false });
    expect(await findRedis(where)).toEqual({ url: first.url, source: 'local' });
  });

  test('comes back with its data, its port and its password', async () => {
    const where = await place();
    const { url } = await ensure(where);
    await command(url, 'SET', 'cat', 'tom');
    expect(await stopLocalRedis(where.home, defaults)).toBe(true);
    const again = await ensure({ ...where, port: where.port + 1 });
    expect([again.url, again.started]).toEqual([url, true]);
    expect(await command(url, 'GET', 'cat')).toBe('tom');
  });

  test('is one, however many start it at once', async () => {
    const where = await place();
    const all = await Promise.all(Array.from({ length: 5 }, () => ensure(where)));
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    expect(all.filter(({ started }) => started).length).toBe(1);
    await until('only one is left', () => redisServersFor(where.home).length === 1);
    expect(redisServersFor(where.home)).toEqual([runOf(where).pid]);
  });

  test.each([
    ['another Redis', '-WRONGPASS\r\n'],
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['one that only listens', ''],
  ])('takes the next port where %s has the first', async (_, answer) => {
    const where = await place();
    await listen(where.port, answer);
    const { url } = await ensure(where);
    expect(Number(new URL(url).port)).toBeGreaterThan(where.port);
    expect(runOf(where).port).toBe(Number(new URL(url).port));
    expect(await command(url, 'PING')).toBe('PONG');
  });

  test('is not taken for one that got its port', async () => {
    const where = await place();
    await ensure(where);
    await stopLocalRedis(where.home, defaults);
    await listen(where.port, '-ERR AUTH called without any password configured\r\n');
    expect(await findRedis(where)).toBeNull();
  });

  test('that hangs gets no second one on its files', async () => {
    const where = await place();
    const { url } = await ensure(where);
    const { pid } = runOf(where);
    process.kill(pid, 'SIGSTOP');
    expect(await findRedis(where)).toBeNull();
    const again = ensureRedis(where);
    process.kill(pid, 'SIGCONT');
    expect(await again).toEqual({ url, source: 'local', started: false });
    expect(redisServersFor(where.home)).toEqual([pid]);
  });

  test('is known by its true path, whatever link leads there', async () => {
    const where = await place();
    const { url } = await ensure(where);
    const link = join(temporaryFolder(), 'link');
    symlinkSync(where.home, link);
    expect(await ensureRedis({ ...where, home: link })).toMatchObject({ url, started: false });
    expect(await stopLocalRedis(link, defaults)).toBe(true);
  });

  test('is stopped although what started it was cut off before it wrote where', async () => {
    const where = await place();
    await ensure(where);
    const { pid } = runOf(where);
    const earlier = { ...runOf(where), pid: 2 ** 22 + 1 };
    writeFileSync(join(where.home, 'redis', 'run.json'), JSON.stringify(earlier));
    expect(await stopLocalRedis(where.home, defaults)).toBe(true);
    expect(identify(pid)).toBeNull();
  });

  test('is not started where its program is not installed: says what to install, exit 4', async () => {
    const where = { ...(await place()), env: { PATH: '/nowhere' } };
    await expect(ensureRedis(where)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringContaining('neither redis-server nor valkey-server is on PATH'),
      remedy: expect.stringContaining('apt-get install redis-server'),
    });
    expect(existsSync(where.home)).toBe(false);
  });

  test('that cannot start says why', async () => {
    const where = await place();
    await ensure(where);
    await stopLocalRedis(where.home, defaults);
    rmSync(join(where.home, 'redis', 'appendonlydir'), { recursive: true });
    mkdirSync(join(where.home, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), {
      recursive: true,
    });
    await expect(ensureRedis(where)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/redis-server ended \(1\) before it answered: .+/),
    });
  });
});

describe('a Redis that somebody else started', () => {
  test('at the usual address is used, and never stopped', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const where = { ...(await place()), probeUrl: redis.url };
    const found = { url: redis.url, source: 'probe' };
    expect(await findRedis(where)).toEqual(found);
    expect(await ensureRedis(where)).toEqual({ ...found, started: false });
    expect(await stopLocalRedis(where.home, defaults)).toBe(false);
    expect(existsSync(where.home)).toBe(false);
    expect(await command(redis.url, 'PING')).toBe('PONG');
  });

  test('that got a pid we knew is not stopped: the right one is', async () => {
    const where = await place();
    await ensure(where);
    const { pid } = runOf(where);
    const start = identify(process.pid)?.start;
    const stranger = { ...runOf(where), pid: process.pid, pidStart: start };
    writeFileSync(join(where.home, 'redis', 'run.json'), JSON.stringify(stranger));
    expect(await stopLocalRedis(where.home, defaults)).toBe(true);
    expect(identify(pid)).toBeNull();
  });

  test('answers on a port: whatever it says, something is there', async () => {
    const where = await place();
    await listen(Number(new URL(where.probeUrl).port), '-NOAUTH\r\n');
    expect((await findRedis(where))?.source).toBe('probe');
  });
});

describe('reviveLocalRedis', () => {
  test('starts one that was killed again, on its port, with what was in it', async () => {
    const where = await place();
    const { url } = await ensure(where);
    await command(url, 'SET', 'cat', 'asleep');
    expect(await reviveLocalRedis(where)).toBe(false);
    const { pid, port } = runOf(where);
    process.kill(pid, 'SIGKILL');
    await until('it is gone, and its port free', () => !existsSync(`/proc/${pid}`));
    expect(await reviveLocalRedis(where)).toBe(true);
    expect([runOf(where).port, runOf(where).pid === pid]).toEqual([port, false]);
    expect(await command(url, 'GET', 'cat')).toBe('asleep');
  });

  test('names its port when somebody else has that meanwhile', async () => {
    const where = await place();
    await ensure(where);
    const { pid, port } = runOf(where);
    process.kill(pid, 'SIGKILL');
    await until('it is gone, and its port free', () => !existsSync(`/proc/${pid}`));
    await listen(port, '-ERR unknown command\r\n');
    await expect(reviveLocalRedis(where)).rejects.toThrow(`port ${port} is somebody else's`);
  });
});
