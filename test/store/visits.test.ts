import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

let redis: TestRedis;
let store: Store;
let raw: Redis;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

describe('recent visits', () => {
  test('are the last five, newest first, however many come at once', async () => {
    for (let n = 0; n < 1_000; n++) store.visits.record(`/${n}`);
    await until('the last visit is there', async () => (await store.visits.recent())[0] === '/999');
    expect(await store.visits.recent()).toEqual(['/999', '/998', '/997', '/996', '/995']);
  });

  test('read in their order by a visitor who came right after', async () => {
    for (let n = 0; n < 4; n++) store.visits.record(`/${n}`);
    expect(await store.visits.recordAndRead('/recent')).toEqual([
      '/recent',
      '/3',
      '/2',
      '/1',
      '/0',
    ]);
  });

  test('keep 2 KiB of a path, whole characters only', async () => {
    await store.visits.recordAndRead(`/${'é'.repeat(2_000)}`);
    const [path = ''] = await store.visits.recent();
    expect(Buffer.byteLength(path)).toBe(2_047);
    expect(path.endsWith('é')).toBe(true);
  });
});

describe('a message', () => {
  test('is gone when its time is up', async () => {
    await store.messages.set('note', 'hi', 10);
    expect(await store.messages.get('note')).toMatchObject({ message: 'hi' });
    await raw.pexpire('{meow}:message:note', 1);
    await until('it has expired', async () => (await store.messages.get('note')) === null);
  });
});
