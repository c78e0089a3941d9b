import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { openClient } from '../../../src/store/connection/client.ts';
import { CurrentConnection } from '../../../src/store/connection/connection.ts';
import { parseRedisUrl } from '../../../src/store/connection/redis-url.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function openLink() {
  const address = parseRedisUrl(redis.url);
  const seen: string[] = [];
  const link = new CurrentConnection(address.label, 1_000, {
    lost: () => seen.push('lost'),
    silent: () => seen.push('silent'),
    failed: ({ kind }) => seen.push(kind),
    well: () => seen.push('well'),
  });
  link.use(await openClient(address, 2_000));
  return { link, seen };
}

describe('a command', () => {
  test('that goes wrong by a mistake of ours is no outage: the mistake is thrown on', async () => {
    const { link, seen } = await openLink();
    const mistake = new TypeError('cannot read properties of undefined');
    await expect(link.run(() => Promise.reject(mistake))).rejects.toBe(mistake);
    expect(seen).toEqual([]);
    link.detach()?.disconnect();
  });

  test('that Redis refuses is told as refused, and the connection stays', async () => {
    const { link, seen } = await openLink();
    await expect(link.run((client) => client.call('NOSUCH'))).rejects.toBeInstanceOf(StoreError);
    expect(await link.run((client) => client.ping())).toBe('PONG');
    expect(seen).toEqual(['refused', 'well']);
    link.detach()?.disconnect();
  });
});

test('a process that lasts and has lost its Redis ends when its store is closed', async () => {
  const other = await startRedis();
  const store = await openStore(other.url);
  store.registry.watch(() => {});
  await other.stop();
  await until('it is gone', () => !store.connected());
  await store.close();
  await expect(store.messages.get('message')).rejects.toThrow(StoreError);
});
