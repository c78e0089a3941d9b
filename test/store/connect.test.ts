import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { StoreError } from '../../src/errors.ts';
import { connectStore } from '../../src/store/connect.ts';
import { freePort, startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { measured, request } from '../helpers/yardstick.ts';

const PASSWORD = 'sesame-s3cret';
const hello = (version: string) =>
  `%2\r\n+server\r\n+redis\r\n+version\r\n$${version.length}\r\n${version}\r\n`;

describe('connecting to Redis', () => {
  let redis: TestRedis;
  let fake: Server | null = null;

  beforeAll(async () => {
    redis = await startRedis(['--requirepass', PASSWORD]);
  });
  afterAll(() => redis.stop());
  afterEach(() => {
    fake?.close();
    fake = null;
  });

  const says = async (url: string) => {
    const opening = openStore(url, false).then(async (store) => {
      await store.messages.get('message').finally(() => store.close());
    });
    const failure = opening.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    const { value: error, ms, slackMs } = await measured(failure, request);
    expect(ms).toBeLessThan(3_000 + slackMs);
    return error as StoreError;
  };

  const fakeRedis = (reply: string) =>
    new Promise<string>((resolve) => {
      fake = createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', () => socket.write(reply));
      });
      fake.listen(0, '127.0.0.1', () => {
        const address = fake?.address();
        resolve(`redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
      });
    });

  test('works with user, password and database in the address', async () => {
    const store = await openStore(`redis://default:${PASSWORD}@127.0.0.1:${redis.port}/3`);
    await store.messages.set('message', 'hi', 10);
    expect((await store.messages.get('message'))?.message).toBe('hi');
    await store.close();
  });

  test.each([
    ['a missing password', () => redis.url, 'wants a password'],
    ['a wrong password', () => `redis://:wrong@127.0.0.1:${redis.port}`, 'refused the password'],
    [
      'a database that is not there',
      () => `redis://:${PASSWORD}@127.0.0.1:${redis.port}/9999`,
      'no such database',
    ],
    [
      'nobody listening',
      async () => `redis://:${PASSWORD}@127.0.0.1:${await freePort()}`,
      'refused the connection',
    ],
    ['a host nobody knows', () => 'redis://nowhere.invalid:6379', 'cannot be found'],
    ['TLS where there is none', () => `rediss://127.0.0.1:${redis.port}`, 'does not answer'],
  ])('says in one line what is wrong with %s, without the password', async (_, url, text) => {
    const error = await says(await url());
    expect(error).toBeInstanceOf(StoreError);
    expect(error.exitCode).toBe(4);
    expect(error.message).toContain(text);
    expect(error.message).toMatch(/^Redis at [\w.]+:\d+ /);
    expect(`${error.message}${error.remedy}`).not.toContain(PASSWORD);
  });

  test.each([
    ['-LOADING Redis is loading the dataset in memory\r\n', 'still loading'],
    ["-READONLY You can't write against a read only replica.\r\n", 'read-only replica'],
    ['-ERR max number of clients reached\r\n', 'no free client slot'],
    [hello('6.2.14'), 'is too old: version "6.2.14"'],
    ["-ERR unknown command 'HELLO'\r\n", 'is too old: version "5 or older, or HELLO renamed"'],
    ['-DENIED Redis is running in protected mode because\r\n', 'is in protected mode'],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'does not speak the Redis protocol'],
  ])('understands the answer %j', async (reply, text) => {
    expect((await says(await fakeRedis(reply.repeat(4)))).message).toContain(text);
  });

  test('gives up on a Redis that accepts and says nothing', async () => {
    const error = await says(await fakeRedis(''));
    expect(error.message).toContain('does not answer');
  });
});

describe('an open connection', () => {
  test('fails fast while Redis is gone, says so once, and is well again when it is back', async () => {
    const redis = await startRedis();
    const lines: string[] = [];
    const store = await connectStore({
      url: redis.url,
      namespace: 'meow',
      connectMs: 2_000,
      commandMs: 1_000,
      persistent: true,
      settings: defaults,
      onTrouble: (line) => lines.push(line),
    });
    await redis.kill('SIGKILL');
    const failing = expect(store.messages.get('message')).rejects.toThrow(StoreError);
    const { ms, slackMs } = await measured(failing, request);
    expect(ms).toBeLessThan(500 + slackMs);
    await redis.restart();
    await until('the store works again', () =>
      store.messages.get('x').then(
        () => true,
        () => false,
      ),
    );
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines.at(-1)).toContain('is back');
    await store.close();
    await redis.stop();
  });

  test('asks a stopped Redis rarely, and works at once when it goes on', async () => {
    const redis = await startRedis();
    const store = await openStore(redis.url);
    await redis.kill('SIGSTOP');
    await expect(store.messages.get('message')).rejects.toThrow('does not answer');
    const failing = expect(store.messages.get('message')).rejects.toThrow('does not answer');
    const { ms, slackMs } = await measured(failing, request);
    expect(ms).toBeLessThan(200 + slackMs);
    await redis.kill('SIGCONT');
    await until('the store works again', () =>
      store.messages.get('x').then(
        () => true,
        () => false,
      ),
    );
    await store.close();
    await redis.stop();
  });
});
