import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { Membership } from '../../src/proxy/membership.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

let redis: TestRedis;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

test('a door tells all it has to say once its connection was made anew', async () => {
  const { registry } = store;
  let told = 0;
  let connected = () => {};
  const counted: typeof registry = {
    ...registry,
    beatDoor(door) {
      told += 1;
      return registry.beatDoor(door);
    },
    watch(listener) {
      connected = () => listener(null);
      return registry.watch((id) => id !== null && listener(id));
    },
  };
  const roster = { aaaaaa: { state: 'usable', reason: '' } };
  const door = { id: 'door23', url: 'http://127.0.0.1:3000', host: 'here', pid: 1, roster };
  const figures = { rps: 0, p99Ms: null, inflight: 0, errors: 0 };
  const membership = new Membership(
    {
      registry: counted,
      pool: { all: () => [], apply() {} },
      record: () => ({ ...door, figures }),
      ...{ onRead() {}, onRedis() {}, onTrouble() {} },
    },
    { ...defaults, rosterKeepMs: 3_600_000 },
  );
  onTestFinished(() => membership.stop());
  await membership.start();
  expect(told).toBe(1);
  connected();
  await until('it has told it again', () => told === 2);
});
