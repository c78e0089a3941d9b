import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { finish } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import type { TestRedis } from '../helpers/redis.ts';
import { startCluster } from '../helpers/redis-cluster.ts';
import type { ReplicatedRedis } from '../helpers/replicated-redis.ts';
import { startSentinels } from '../helpers/sentinels.ts';
import { until } from '../helpers/until.ts';
import { against, type Scenario } from './scenario.ts';
import type { World } from './world.ts';

type Way = 'in order' | 'by kill -9' | 'by SIGSTOP';

const AFTER_MS = 1_000;
const WHOLE_MS = 5_000;
const LOOK_MS = 20;
const SERVERS = 3;
const EXPECTED =
  '0 of / failed; what needs Redis is 503 until another node is the primary, ≤ 1 s longer; all records, lost with the old one, back ≤ 5 s after';

const scenario = (
  fault: string,
  start: () => Promise<ReplicatedRedis>,
  ways: readonly Way[],
): Scenario => ({
  fault,
  expected: EXPECTED,
  quick: false,
  run: (world) => failOver(world, start, ways),
});

async function failOver(
  world: World,
  start: () => Promise<ReplicatedRedis>,
  ways: readonly Way[],
): Promise<string> {
  const redis = await start();
  world.atEnd(() => redis.stop());
  const env = { ...redis.env, REDIS_URL: redis.url };
  const rows = await world.spawn([String(SERVERS)], { env });
  const door = await world.openDoor({ env });
  const keeper = world.site.start(['keep'], { env });
  const kept = finish(keeper);
  await until('the door serves', async () => (await fetch(door.url)).status === 200);
  const load = keepAsking(door.url, { workers: 2 });
  const measured: string[] = [];
  for (const way of ways) {
    measured.push(`${way}: ${await once(redis, door.url, way)}`);
    expect(world.servers().sort()).toEqual(rows.map(({ pid }) => pid).sort());
  }
  const { failures, sent } = await load.stop();
  expect(failures).toEqual([]);
  const { code } = await world.site.run(['destroy', '--all', '--drain-timeout', '2'], { env });
  keeper.kill('SIGTERM');
  expect([code, (await kept).code]).toEqual([0, 0]);
  return `${measured.join('; ')}; 0 of ${sent} failed`;
}

/** One failover, from the fault until all is as it was. */
async function once(redis: ReplicatedRedis, door: string, way: Way): Promise<string> {
  const old = await redis.primary();
  const watched = watchWrites(`${door}/set`);
  await until('writes are well', () => watched.wellSince() !== null);
  const now = await fail(redis, old, way);
  const movedMs = performance.now();
  // As if none of it had come to the replica in time.
  await redis.ask(now, 'DEL', '{meow}:servers', '{meow}:leases', '{meow}:intents');
  const wellMs = await until('writes are well again', () => watched.wellSince());
  await until('all records are there', async () => {
    const counts = await Promise.all([
      redis.ask(now, 'HLEN', '{meow}:servers'),
      redis.ask(now, 'ZCARD', '{meow}:leases'),
      redis.ask(now, 'HLEN', '{meow}:intents'),
    ]);
    return counts.every((count) => count === SERVERS);
  });
  const wholeMs = performance.now() - movedMs;
  await watched.stop();
  if (way === 'by SIGSTOP') await old.kill('SIGCONT');
  if (way === 'by kill -9') await old.restart();
  await redis.whole();
  const longer = against(Math.max(0, wellMs - movedMs), AFTER_MS);
  return `503 for ${longer} after it, whole after ${against(wholeMs, WHOLE_MS)}`;
}

function fail(redis: ReplicatedRedis, old: TestRedis, way: Way): Promise<TestRedis> {
  if (way === 'in order') return redis.failover();
  return old.kill(way === 'by kill -9' ? 'SIGKILL' : 'SIGSTOP').then(() => redis.movedFrom(old));
}

/** Asks again and again what writes to Redis. */
function watchWrites(url: string) {
  let since: number | null = null;
  const wrong: number[] = [];
  const ended = new AbortController();
  const look = async () => {
    while (!ended.signal.aborted) {
      const began = performance.now();
      const { status } = await fetch(url);
      if (status !== 200) since = null;
      else since ??= began;
      if (status !== 200 && status !== 503) wrong.push(status);
      await pause(LOOK_MS);
    }
  };
  const looking = look();
  return {
    /** Since when, monotonic ms, all has been 200; null while it is not. */
    wellSince: () => since,
    async stop() {
      ended.abort();
      await looking;
      expect(wrong).toEqual([]);
    },
  };
}

export const failoverFaults: readonly Scenario[] = [
  scenario(
    'a failover by Sentinel under load: asked for, the primary killed -9, the primary stopped',
    startSentinels,
    ['in order', 'by kill -9', 'by SIGSTOP'],
  ),
  scenario(
    'a failover in a Redis Cluster under load: asked for, the primary killed -9, the primary stopped',
    startCluster,
    ['in order', 'by kill -9', 'by SIGSTOP'],
  ),
];
