import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { FleetLooks } from '../../../src/fleet/reconciler/fleet-looks.ts';
import type { Store } from '../../../src/store/store.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore, sampleDesired, sampleRecord } from '../../helpers/store.ts';

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

const OURS = ['aaaaaa', 'bbbbbb'];
const ALL = [...OURS, 'cccccc', 'dddddd'];

test('a host looks at its own servers, and at all the less often the more there are', async () => {
  for (const [at, id] of ALL.entries()) {
    await store.registry.register(sampleRecord({ id, port: 3_001 + at }), sampleDesired());
  }
  let nowMs = 1_000;
  const looks = new FleetLooks(
    { registry: store.registry, desired: { ids: () => OURS } },
    500,
    () => nowMs,
  );
  const seen = async () => {
    const { servers, desiredServers, registry } = await looks.look();
    expect([...desiredServers.keys()].sort()).toEqual(
      servers.map(({ record }) => record.id).sort(),
    );
    expect(registry).toBe(await store.registry.id());
    nowMs += 1_000;
    return servers.length;
  };
  expect([await seen(), await seen(), await seen()]).toEqual([4, 2, 4]);
  expect(['aaaaaa', 'cccccc'].map((id) => looks.isNews(id))).toEqual([true, false]);
  expect([looks.isNews(null), await seen()]).toEqual([true, 4]);
});

test('records that are no good make a fleet large too: they are read with the others', async () => {
  const raw = new Redis(redis.url);
  onTestFinished(() => raw.disconnect());
  for (const name of ['m', 'n', 'o', 'p', 'q', 'r']) await raw.hset('{meow}:servers', name, 'junk');
  let nowMs = 1_000;
  const deps = { registry: store.registry, desired: { ids: () => OURS } };
  const looks = new FleetLooks(deps, 300, () => nowMs);
  const seen = async () => {
    const { servers } = await looks.look();
    nowMs += 1_000;
    return servers.length;
  };
  expect([await seen(), await seen(), await seen(), await seen()]).toEqual([4, 2, 2, 4]);
});

test('what a look at its own servers left out is told from what is not there', async () => {
  const deps = { registry: store.registry, desired: { ids: () => OURS } };
  const looks = new FleetLooks(deps, 1_000, () => 1_000);
  const whole = await looks.look();
  const all = [...OURS, ...whole.servers.map(({ record }) => record.id)];
  expect([...all, 'eeeeee'].map((id) => looks.saw(id))).toEqual([...all.map(() => true), false]);
  await looks.look();
  expect(['aaaaaa', 'eeeeee'].map((id) => looks.saw(id))).toEqual([true, false]);
});
