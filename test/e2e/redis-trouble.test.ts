import { createServer as createHttp } from 'node:http';
import { createServer, type Server } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Result, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort, startRedis } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { measured, verb } from '../helpers/yardstick.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

const EVERY_VERB = [
  ['ls'],
  ['set', 'hi'],
  ['get'],
  ['recent'],
  ['destroy'],
  ['spawn'],
  ['scale', '1'],
  ['serve'],
  ['proxy'],
];
/** For each further cause: all verbs come to it by the same few lines. */
const VERBS = [['ls'], ['spawn']];

/** One line with the address and the cause, one with what to do, exit 4, within 3 s. */
async function expectTrouble(url: string, cause: RegExp, verbs = VERBS): Promise<void> {
  const all = Promise.all(verbs.map((args) => run(url, args)));
  const { value: results, ms, slackMs } = await measured(all, verb);
  expect(ms).toBeLessThan(3_000 + slackMs);
  for (const [at, { code, stdout, stderr }] of results.entries()) {
    const lines = stderr.trimEnd().split('\n');
    expect([verbs[at], code, stdout, lines.length]).toEqual([verbs[at], 4, '', 2]);
    expect(lines[0]).toMatch(/^meowctl: /);
    expect(lines[0]).toContain(new URL(url).host);
    expect(lines[0]).toMatch(cause);
    expect(stderr).not.toMatch(/secret|wrong-one|\n {4}at /);
  }
}

const run = (url: string, args: readonly string[]): Promise<Result> =>
  site.run(args, { env: { REDIS_URL: url } });

async function listening(server: Server): Promise<string> {
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return `redis://127.0.0.1:${port}`;
}

describe('a Redis that cannot be used is one clear line', () => {
  test('nobody there, for every verb', async () => {
    const url = `redis://:secret@127.0.0.1:${await freePort()}`;
    await expectTrouble(url, /refused/i, EVERY_VERB);
  });

  test('a password is missing, or wrong, and is never printed', async () => {
    const redis = await startRedis(['--requirepass', 'secret']);
    onTestFinished(() => redis.stop());
    await expectTrouble(redis.url, /NOAUTH|password|auth/i);
    await expectTrouble(redis.url.replace('//', '//:wrong-one@'), /WRONGPASS|password/i);
  });

  test('it has too many clients', async () => {
    const redis = await startRedis(['--maxclients', '1']);
    const holder = new Redis(redis.url, { lazyConnect: true });
    await until('the place is taken', () =>
      holder.connect().then(
        () => true,
        () => false,
      ),
    );
    onTestFinished(async () => {
      holder.disconnect();
      await redis.stop();
    });
    await expectTrouble(redis.url, /has no free client slot/, [['ls']]);
  });

  test('it is still loading', async () => {
    const loading = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('-LOADING Redis is loading the dataset in memory\r\n'));
    });
    await expectTrouble(await listening(loading), /loading/i);
  });

  test('it is no Redis at all', async () => {
    const web = createHttp((_request, response) => response.end('hello'));
    await expectTrouble(
      await listening(web as unknown as Server),
      /does not speak the Redis protocol/,
    );
  });

  test('it takes the connection and says nothing', async () => {
    const mute = createServer((socket) => socket.on('error', () => {}));
    await expectTrouble(await listening(mute), /time|answer/i);
  });

  test('but not when it was the server that slept: what it had asked Redis is answered', async () => {
    const [server] = JSON.parse((await site.call(['spawn', '--json'])).stdout) as Row[];
    if (!server) throw new Error('no server');
    const load = keepAsking(`${server.url}/get`, { workers: 16, allowed: [404], pauseMs: 0 });
    for (const more of [200, 400]) {
      await until('there is load', () => load.good() > more);
      process.kill(server.pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      process.kill(server.pid, 'SIGCONT');
    }
    await until('it goes on', () => load.good() > 600);
    expect((await load.stop()).failures).toEqual([]);
  });

  test('it hangs (SIGSTOP), and all is well when it goes on', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    await redis.kill('SIGSTOP');
    await expectTrouble(redis.url, /time|answer/i, [['set', 'x']]);
    await redis.kill('SIGCONT');
    expect((await run(redis.url, ['ls', '--json'])).stdout).toBe('[]\n');
  });
});

test('a Redis that only reads still lists and gets; what would write says so', async () => {
  const [main, copy] = [await startRedis(), await startRedis()];
  onTestFinished(async () => {
    await Promise.all([main.stop(), copy.stop()]);
  });
  const store = await openStore(main.url, false);
  await store.messages.set('message', 'kept', 600).finally(() => store.close());
  const raw = new Redis(copy.url);
  await raw.replicaof('127.0.0.1', main.port);
  await until('it has copied', async () => (await raw.get('{meow}:message:message')) === 'kept');
  raw.disconnect();
  expect((await run(copy.url, ['get'])).stdout).toBe('kept\n');
  expect((await run(copy.url, ['ls'])).code).toBe(0);
  await expectTrouble(copy.url, /read.?only/i, [
    ['set', 'no'],
    ['upload', picture],
  ]);
});

test('a Redis that is out of memory still lists, gets and gives pictures; what needs more says so', async () => {
  const redis = await startRedis(['--maxmemory-policy', 'noeviction']);
  onTestFinished(() => redis.stop());
  await run(redis.url, ['upload', picture]);
  const raw = new Redis(redis.url);
  await raw.config('SET', 'maxmemory', '1');
  onTestFinished(() => raw.disconnect());
  for (const args of [
    ['set', 'no'],
    ['upload', picture],
  ]) {
    const { code, stdout, stderr } = await run(redis.url, args);
    expect([args[0], code, stdout]).toEqual([args[0], 1, '']);
    expect(stderr).toMatch(/memory/i);
    expect(stderr.split('\n')[0]).toContain(new URL(redis.url).host);
  }
  expect((await run(redis.url, ['ls'])).code).toBe(0);
  const { code, bytes } = await run(redis.url, ['meow']);
  expect([code, bytes.length > 10_000]).toEqual([0, true]);
});

const picture = new URL('../../img/night.png', import.meta.url).pathname;

test('a Redis that throws things away when it is full is warned of where a fleet begins, once', async () => {
  const redis = await startRedis(['--maxmemory-policy', 'allkeys-lru', '--maxmemory', '100mb']);
  const door = ['proxy', '--port', String(await freePort()), '--no-admin'];
  const env = { REDIS_URL: redis.url };
  const warning = /^meowctl: warning: Redis at \S+ has maxmemory-policy allkeys-lru: when it is /gm;
  const spawned = await run(redis.url, ['spawn']);
  expect([spawned.code, spawned.stderr.match(warning)?.length]).toEqual([0, 1]);
  expect((await run(redis.url, ['ls'])).stderr).toBe('');
  const child = site.start(door, { env });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  await until('the door is open', () => said.includes('the door is'));
  expect(said.match(warning)).toHaveLength(1);
  child.kill('SIGTERM');

  const up = site.start(['up', '-n', '1', '--port', String(await freePort()), '--no-admin'], {
    env,
  });
  let told = '';
  up.stderr?.on('data', (chunk) => {
    told += chunk;
  });
  await until('the fleet is up', () => told.includes('Ctrl-C'));
  expect(told.match(warning)).toHaveLength(1);
  up.kill('SIGTERM');

  const deaf = await addUser(redis, 'deaf', [...documentedRule(), '-info']);
  const silent = await run(deaf, ['spawn']);
  expect([silent.code, silent.stderr]).toEqual([0, '']);
  await redis.stop(); // its servers end with the site
});
