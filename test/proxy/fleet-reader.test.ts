import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import type { RecordsView } from '../../src/model/fleet-view.ts';
import { DoorWords } from '../../src/proxy/door-words.ts';
import { FleetReader } from '../../src/proxy/fleet-reader.ts';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore, sampleRecord } from '../helpers/store.ts';

let redis: TestRedis;
let raw: Redis;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
  store = await openStore(redis.url);
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

const { maxPoolServers: LIMIT } = defaults;
const FRESH_MS = defaults.leaseMs - defaults.lateBeatMs;
const ids = Array.from('abcdefghijkmnpqrstuv', (letter) => letter.repeat(6));
const named = (at: number) => ids[at] as string;
const recordOf = (id: string) => sampleRecord({ id, port: 3_001 + ids.indexOf(id) });

async function register(count: number): Promise<void> {
  for (const id of ids.slice(0, count)) await store.registry.register(recordOf(id), null);
}

/** What a door goes by: a lease that is neither late nor over is one like another. */
function routed({ servers, total }: RecordsView) {
  const cells = servers.map(({ record, leaseLeftMs }) => {
    const { id, url, state, failing = '' } = record;
    const lease = leaseLeftMs === null || leaseLeftMs <= 0 ? 'over' : 'runs';
    const isLate = leaseLeftMs !== null && leaseLeftMs < FRESH_MS;
    return [id, url, state, failing, lease, isLate];
  });
  return { total, servers: cells.sort() };
}

const lease = async (id: string, leftMs: number) => {
  const [seconds] = await raw.time();
  await raw.zadd('{meow}:leases', Number(seconds) * 1_000 + leftMs, id);
};

const changes: Record<string, () => unknown> = {
  'nothing has happened': () => {},
  'one drains': () => store.registry.beat({ ...recordOf(named(1)), state: 'draining' }, null),
  'one fails': () => store.registry.beat({ ...recordOf(named(1)), failing: 'it says 500' }, null),
  'one has left': () => store.registry.deregister(named(1)),
  'one is new': () => store.registry.register(recordOf(named(9)), null),
  'one came and one went': async () => {
    await store.registry.deregister(named(1));
    await store.registry.register(recordOf(named(9)), null);
  },
  'the lease of one is over': () => lease(named(1), -5_000),
  'a heartbeat is late': () => lease(named(1), FRESH_MS - 1_500),
  'one has no lease': () => raw.zrem('{meow}:leases', named(1)),
  'one is written as nobody of ours does': () =>
    raw.hset(
      '{meow}:servers',
      named(1),
      JSON.stringify({ ...recordOf(named(1)), state: 'draining' }, null, 1),
    ),
  'one is no record': () => raw.hset('{meow}:servers', named(1), '{"state":"up"'),
  'one is far too long': () => raw.hset('{meow}:servers', named(1), 'x'.repeat(100_000)),
  'all is gone': () => raw.flushall(),
};

describe('a glance at a fleet that was read before', () => {
  test.each(Object.entries(changes))(
    'shows the same as all records where %s',
    async (_, change) => {
      await register(4);
      const known = await store.registry.records(LIMIT);
      await change();
      const glance = await store.registry.glance(known, FRESH_MS, LIMIT);
      expect(routed(glance)).toEqual(routed(await store.registry.records(LIMIT)));
    },
  );

  test('shows one that failed and is well again, from what was known of it while it failed', async () => {
    await register(2);
    await store.registry.beat({ ...recordOf(named(1)), failing: 'it says 500' }, null);
    const known = await store.registry.records(LIMIT);
    await store.registry.beat(recordOf(named(1)), null);
    const glance = await store.registry.glance(known, FRESH_MS, LIMIT);
    expect(routed(glance)).toEqual(routed(await store.registry.records(LIMIT)));
  });

  test('is at the newest where there are more than a door takes', async () => {
    await register(4);
    const known = await store.registry.records(3);
    const { servers, total } = await store.registry.glance(known, FRESH_MS, 3);
    expect([servers.length, total]).toEqual([3, 4]);
  });

  test('shows the same among leases of nobody, and reads none of them', async () => {
    await register(4);
    const known = await store.registry.records(LIMIT);
    await store.registry.beat({ ...recordOf(named(1)), state: 'draining' }, null);
    await lease(named(2), -5_000);
    for (let at = 0; at < 9; at++) await lease(`nobody${at}`, 60_000);
    await raw.config('RESETSTAT');
    const glance = await store.registry.glance(known, FRESH_MS, 4);
    expect(await raw.info('commandstats')).not.toMatch(/cmdstat_zrangebyscore:/);
    expect(routed(glance)).toEqual(routed(await store.registry.recordsOf(ids)));
  });

  test('costs an id for each server, and not its record', async () => {
    await register(ids.length);
    const known = await store.registry.records(LIMIT);
    const out = async () =>
      Number(/total_net_output_bytes:(\d+)/.exec(await raw.info('stats'))?.[1]);
    const cost = async (read: () => Promise<unknown>) => {
      const before = await out();
      const information = (await out()) - before;
      await read();
      return (await out()) - before - 2 * information;
    };
    const whole = await cost(() => store.registry.records(LIMIT));
    const glance = await cost(() => store.registry.glance(known, FRESH_MS, LIMIT));
    expect(whole).toBeGreaterThan(100 * ids.length);
    expect(glance).toBeLessThan(10 * ids.length);
  });
});

describe('a door reads', () => {
  function reader(count: number) {
    const reads: string[] = [];
    let nowMs = 1_000;
    const { registry } = store;
    const noted = <T>(what: string, read: T) => {
      reads.push(what);
      return read;
    };
    const source = {
      records: (limit: number) => noted('all', registry.records(limit)),
      glance: (...how: Parameters<typeof registry.glance>) =>
        noted('glance', registry.glance(...how)),
      recordsOf: (some: readonly string[]) => noted(`of ${some}`, registry.recordsOf(some)),
    };
    const limits = { registryReadMs: 1_000, maxPoolServers: LIMIT, freshLeaseMs: FRESH_MS };
    const made = new FleetReader(source, { ...limits, recordKeepMs: 3_000 / count }, () => nowMs);
    const later = (ms: number) => {
      nowMs += ms;
      return made.read();
    };
    return { made, reads, later };
  }

  test('all records at first, then what changed, and all again after a while', async () => {
    await register(3);
    const { reads, later } = reader(3);
    for (let second = 0; second < 4; second++) await later(1_000);
    expect(reads).toEqual(['all', 'glance', 'glance', 'all']);
  });

  test('one server at a hint, and all after a connection was made anew, also in the midst of a read', async () => {
    await register(3);
    const { made, reads, later } = reader(3);
    await later(0);
    await store.registry.beat({ ...recordOf(named(2)), state: 'draining' }, null);
    made.hint(named(2));
    const view = await later(10);
    expect(routed(view)).toEqual(routed(await store.registry.records(LIMIT)));
    await store.registry.deregister(named(2));
    made.hint(named(2));
    expect((await later(10)).servers).toHaveLength(2);
    const reading = later(1_000);
    made.hint(null);
    await reading;
    await later(1_000);
    expect(reads).toEqual(['all', `of ${named(2)}`, `of ${named(2)}`, 'glance', 'all']);
  });

  test('the server that a hint names, also where all are due', async () => {
    await register(3);
    const { made, later } = reader(3);
    await later(0);
    await store.registry.beat(sampleRecord({ id: named(2), port: 4_000 }), null);
    made.hint(named(2));
    expect(routed(await later(1_000))).toEqual(routed(await store.registry.records(LIMIT)));
  });

  test('one that is no good at each hint, and tells of it once', async () => {
    await register(3);
    const { made, later } = reader(3);
    await raw.hset('{meow}:servers', named(2), 'junk');
    await later(0);
    for (let hint = 0; hint < 3; hint++) {
      made.hint(named(2));
      expect((await later(10)).skipped).toHaveLength(1);
    }
  });

  test('all records while somebody looks at them', async () => {
    await register(3);
    const { made, reads, later } = reader(3);
    await later(0);
    made.shown();
    await later(1_000);
    await later(1_000);
    expect(reads).toEqual(['all', 'all', 'glance']);
  });
});

describe('a door writes', () => {
  const KEY = '{meow}:door:door23';
  const roster = Object.fromEntries(ids.map((id) => [id, { state: 'usable', reason: '' }]));
  const record = (inflight: number) => ({
    ...{ id: 'door23', url: 'http://127.0.0.1:3000', host: 'here', pid: 1, roster },
    figures: { rps: 0, p99Ms: null, inflight, errors: 0 },
  });

  function words(keepMs: number) {
    let now = record(0);
    const limits = { registryReadMs: 0, rosterKeepMs: keepMs / ids.length };
    const made = new DoorWords(store.registry, () => now, limits);
    return {
      made,
      renew: (inflight: number) => {
        now = record(inflight);
        return made.renew();
      },
      turn: () => {
        now = { ...now, roster: { ...roster, [named(0)]: { state: 'draining', reason: '' } } };
      },
    };
  }
  const written = async () => JSON.parse((await raw.get(KEY)) ?? '{}');

  test('all it has to say each second, where that is little', async () => {
    const { renew } = words(0);
    for (const inflight of [1, 2]) {
      await renew(inflight);
      expect((await written()).figures.inflight).toBe(inflight);
    }
  });

  test('its lease alone where the table is large and as before, and the table at once when it changes', async () => {
    const { made, renew, turn } = words(60_000);
    await renew(1);
    await raw.zadd('{meow}:doors', 1, 'door23');
    await renew(2);
    expect((await written()).figures.inflight).toBe(1);
    expect(Number(await raw.zscore('{meow}:doors', 'door23'))).toBeGreaterThan(1);
    turn();
    await made.publish();
    expect((await written()).roster[named(0)]).toMatchObject({ state: 'draining' });
  });

  test('all of it again where Redis was emptied', async () => {
    const { renew } = words(60_000);
    await renew(1);
    await raw.flushall();
    await renew(2);
    expect((await written()).figures.inflight).toBe(2);
    expect((await store.registry.doors()).map(({ id }) => id)).toEqual(['door23']);
  });

  test('all of it again where Redis may be another, or as it was a while ago', async () => {
    const { made, renew } = words(60_000);
    await renew(1);
    const before = await raw.get(KEY);
    await renew(2);
    await raw.set(KEY, before ?? '');
    made.forget();
    await renew(3);
    expect((await written()).figures.inflight).toBe(3);
  });
});
