import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore, sampleDesired, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

let redis: TestRedis;
let store: Store;
let raw: Redis;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
});
afterEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

describe('a server in the registry', () => {
  test('is there with its lease and desired server once it registers', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    const fleet = await store.registry.fleet();
    expect(fleet.servers.map(({ record }) => record)).toEqual([
      sampleRecord({ startedAt: fleet.servers[0]?.record.startedAt ?? 0 }),
    ]);
    expect(fleet.servers[0]?.leaseLeftMs).toBeGreaterThan(5_000);
    expect(fleet.desiredServers.get('abc234')).toEqual(sampleDesired());
  });

  test("lives by Redis' clock: its lease runs out there", async () => {
    await store.registry.register(sampleRecord(), null);
    await raw.zadd('{meow}:leases', 1, 'abc234');
    const [server] = (await store.registry.fleet()).servers;
    expect(server?.leaseLeftMs).toBeLessThan(0);
  });

  test('is refilled by its next beat after Redis was emptied, desired server included', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await raw.flushall();
    expect((await store.registry.beat(sampleRecord(), sampleDesired())).order).toBeNull();
    const fleet = await store.registry.fleet();
    expect(fleet.total).toBe(1);
    expect(fleet.desiredServers.size).toBe(1);
  });

  test('learns its order at the next beat, and does not write its desired server again', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await store.registry.orderRetire(['abc234'], 1_500);
    const reply = await store.registry.beat(sampleRecord(), sampleDesired());
    expect(reply.order).toEqual({ order: 'retire', drainMs: 1_500 });
    expect((await store.registry.fleet()).desiredServers.size).toBe(0);
    expect(await raw.ttl('{meow}:orders:abc234')).toBeGreaterThan(6 * 24 * 3_600);
  });

  test('hears at each beat which doors live and which have let it go', async () => {
    await store.registry.beatDoor({
      id: 'door22',
      url: 'http://h:1',
      host: 'h',
      pid: 9,
      roster: {},
    });
    await raw.zadd('{meow}:doors', 1, 'gone22');
    await store.registry.register(sampleRecord(), null);
    await store.registry.acknowledge('abc234', 'door22');
    const reply = await store.registry.beat(sampleRecord(), null);
    expect(reply.doors).toEqual(['door22']);
    expect(reply.acks).toEqual(['door22']);
    expect(await raw.ttl('{meow}:acks:abc234')).toBeGreaterThan(0);
  });

  test('leaves nothing when it goes by order, not even where a door says later that it let go', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await store.registry.orderRetire(['abc234'], 0);
    await store.registry.acknowledge('abc234', 'door22');
    await store.registry.deregister('abc234');
    await store.registry.acknowledge('abc234', 'door22');
    expect((await raw.keys('*')).sort()).toEqual(['{meow}:events', '{meow}:registry']);
  });

  test('is swept when it has been lost for long; its desired server and order stay', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await store.registry.register(
      sampleRecord({ id: 'def567', port: 3002, url: 'http://127.0.0.1:3002' }),
      null,
    );
    await raw.zadd('{meow}:leases', 1, 'abc234');
    expect(await store.registry.sweep(60_000)).toEqual(['abc234']);
    const fleet = await store.registry.fleet();
    expect(fleet.servers.map(({ record }) => record.id)).toEqual(['def567']);
    expect(fleet.desiredServers.has('abc234')).toBe(true);
  });

  test('announces that it came, changed and went, and a repeated order is no news', async () => {
    const heard: (string | null)[] = [];
    const stop = await store.registry.watch((id) => heard.push(id));
    await store.registry.register(sampleRecord(), null);
    await store.registry.beat(sampleRecord(), null);
    await store.registry.orderRetire(['abc234'], 0);
    await store.registry.orderRetire(['abc234'], 0);
    await store.registry.beat(sampleRecord({ state: 'draining' }), null);
    await store.registry.deregister('abc234');
    await until('four hints', () => heard.length >= 4);
    expect(heard).toEqual(['abc234', 'abc234', 'abc234', 'abc234']);
    stop();
  });

  test('is ordered to leave by one of two who replace it, and by nobody once it is not wanted', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    const both = [1, 2].map(() => store.registry.orderRetireIfDesired('abc234', 1_000));
    expect((await Promise.all(both)).sort()).toEqual(['already', 'ordered']);
    expect((await store.registry.beat(sampleRecord(), sampleDesired())).order?.drainMs).toBe(1_000);
    expect((await store.registry.fleet()).desiredServers.size).toBe(0);
    await store.registry.deregister('abc234');
    expect(await store.registry.orderRetireIfDesired('abc234', 1_000)).toBe('unwanted');
  });

  test('that took a place and is forgotten gives it back, wanted, unless nobody wants it now', async () => {
    const fresh = sampleRecord({ id: 'def567' });
    const signed = { hostId: 'a'.repeat(16), registry: 'r', namespace: 'meow', seal: 's' };
    const before = { ...sampleDesired(), id: 'abc234', ...signed };
    const succeed = async () => {
      await store.registry.register(sampleRecord(), before);
      const text = JSON.stringify(before);
      const old = { id: 'abc234', text };
      expect(
        await store.desiredServers.succeed({ ...old, text: `${text} ` }, fresh, sampleDesired()),
      ).toBe(false);
      expect(await store.desiredServers.succeed(old, fresh, sampleDesired())).toBe(true);
    };
    await store.registry.beat(sampleRecord(), null);
    await raw.set('{meow}:registry', 'r');
    await succeed();
    expect(await store.registry.forget('def567', before)).toBe(true);
    const { servers, desiredServers } = await store.registry.fleet();
    expect([servers, [...desiredServers]]).toEqual([[], [['abc234', before]]]);
    await succeed();
    await store.registry.orderRetire(['def567'], 1_000);
    expect(await store.registry.forget('def567', before)).toBe(false);
    expect((await store.registry.fleet()).desiredServers.size).toBe(0);
  });

  test('that goes without an order leaves its desired server as it is, or as it says if it knows it', async () => {
    const desired = sampleDesired();
    const stopped = sampleDesired({ state: 'stopped' });
    await store.registry.register(sampleRecord(), desired);
    await store.registry.deregister('abc234');
    expect((await store.registry.fleet()).desiredServers.get('abc234')).toEqual(desired);
    await store.registry.deregister('abc234', {
      before: sampleDesired({ port: 1 }),
      after: stopped,
    });
    expect((await store.registry.fleet()).desiredServers.get('abc234')).toEqual(desired);
    await store.registry.deregister('abc234', { before: desired, after: stopped });
    expect((await store.registry.fleet()).desiredServers.get('abc234')).toEqual(stopped);
  });

  test('fills an emptied registry again only with what was signed for the one that is there now', async () => {
    const registry = await store.registry.id();
    expect(await store.registry.id()).toBe(registry);
    const signed = sampleDesired({ registry });
    await raw.flushall();
    const { registry: fresh } = await store.registry.beat(sampleRecord(), signed);
    expect([fresh === registry, (await store.registry.fleet()).desiredServers.size]).toEqual([
      false,
      0,
    ]);
    await store.registry.beat(sampleRecord(), sampleDesired({ registry: fresh ?? '' }));
    expect((await store.registry.fleet()).desiredServers.size).toBe(1);
    await raw.del('{meow}:registry');
    await raw.hset('{meow}:registry', 'not', 'a string');
    await expect(store.registry.id()).rejects.toMatchObject({ kind: 'damaged' });
  });

  test('keeps the order of one that is wanted on a host that may be off', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await store.registry.orderRetire(['abc234'], 1_000, true);
    await store.registry.orderRetire(['abc234', 'def567'], 1_000, true);
    expect(await raw.ttl('{meow}:orders:abc234')).toBe(-1);
    expect(await raw.ttl('{meow}:orders:def567')).toBeGreaterThan(0);
  });

  test('is not told again to leave once it has left, but is where Redis has only lost the order', async () => {
    await store.registry.register(sampleRecord(), sampleDesired());
    await store.registry.orderRetire(['abc234'], 1_000);
    await raw.del('{meow}:orders:abc234');
    await store.registry.orderRetire(['abc234'], 1_000, false, true);
    expect(await raw.exists('{meow}:orders:abc234')).toBe(1);
    await store.registry.deregister('abc234');
    await store.registry.orderRetire(['abc234'], 1_000, false, true);
    expect(await raw.exists('{meow}:orders:abc234')).toBe(0);
  });
});

describe('two fleets on one Redis', () => {
  test('never meet', async () => {
    const other = await openStore(redis.url, true, 'other');
    await store.registry.register(sampleRecord(), sampleDesired());
    expect((await other.registry.fleet()).total).toBe(0);
    await other.close();
  });
});

describe('a registry somebody else wrote into', () => {
  const good = JSON.stringify(sampleRecord());
  const spoil = (over: object) => JSON.stringify({ ...sampleRecord(), ...over });

  test.each([
    ['no JSON', 'meow'],
    ['null', 'null'],
    ['an array', '[]'],
    ['20 KB', spoil({ host: 'x'.repeat(20_000) })],
    ['a port in quotes', spoil({ port: '22' })],
    ['port 0', spoil({ port: 0 })],
    ['port 70000', spoil({ port: 70_000, url: 'http://127.0.0.1:70000' })],
    ['no port', spoil({ port: undefined })],
    ['a url to another port', spoil({ url: 'http://127.0.0.1:22' })],
    ['a url with a path', spoil({ url: 'http://127.0.0.1:3001/x' })],
    ['a url with a user', spoil({ url: 'http://a@b:3001' })],
    ['pid 0', spoil({ pid: 0 })],
    ['pid -1', spoil({ pid: -1 })],
    ['a pid in quotes', spoil({ pid: '12abc' })],
    ['a time as text', spoil({ startedAt: 'soon' })],
    ['a state nobody knows', spoil({ state: 'purring' })],
    ['another id inside', spoil({ id: 'zzz999' })],
  ])('skips a record with %s, says which, and keeps the others', async (_, text) => {
    const neighbour = sampleRecord({ id: 'def567', port: 3002, url: 'http://127.0.0.1:3002' });
    await store.registry.register(neighbour, null);
    await raw.hset('{meow}:servers', 'abc234', text);
    const fleet = await store.registry.fleet();
    expect(fleet.servers.map(({ record }) => record.id)).toEqual(['def567']);
    expect(fleet.skipped.map(({ where }) => where)).toEqual(['{meow}:servers abc234']);
    expect(await raw.hexists('{meow}:servers', 'abc234')).toBe(1);
  });

  test('has a place for a server that is process 1 of its container', async () => {
    await raw.hset('{meow}:servers', 'abc234', spoil({ pid: 1 }));
    const { servers, skipped } = await store.registry.fleet();
    expect(servers.map(({ record }) => record.pid)).toEqual([1]);
    expect(skipped).toEqual([]);
  });

  test('skips ids that are not ids', async () => {
    await raw.hset('{meow}:servers', '__proto__', good, '\u001b[31m', good);
    const fleet = await store.registry.fleet();
    expect(fleet.servers).toEqual([]);
    expect(fleet.skipped).toHaveLength(2);
  });

  test('says which key holds another type', async () => {
    await raw.set('{meow}:servers', 'a string');
    await expect(store.registry.fleet()).rejects.toMatchObject({ exitCode: 1, kind: 'damaged' });
  });

  test('reads past other types under the side keys', async () => {
    await raw.set('{meow}:doors', 'x');
    await raw.set('{meow}:acks:abc234', 'x');
    await raw.lpush('{meow}:orders:abc234', 'x');
    const reply = await store.registry.beat(sampleRecord(), null);
    expect(reply).toMatchObject({ order: null, doors: [], acks: [] });
    expect((await store.registry.fleet()).doors).toEqual([]);
  });

  test('gives a door at most the servers it asks for, and says how many there are', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`x${n}`, JSON.stringify(sampleRecord())]),
    );
    await raw.hset('{meow}:servers', many);
    await store.registry.register(sampleRecord(), null);
    const view = await store.registry.records(10);
    expect(view.servers).toHaveLength(1);
    expect(view.total).toBe(51);
  });
});
