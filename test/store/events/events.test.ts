import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { StoreError } from '../../../src/errors.ts';
import { eventText, type FleetEvent } from '../../../src/model/event.ts';
import type { Skipped } from '../../../src/model/fleet-view.ts';
import type { Store } from '../../../src/store/store.ts';
import { startRedis, type TestRedis } from '../../helpers/redis.ts';
import { openStore } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

const KEY = '{meow}:events';
const ALL = 5_000;

let redis: TestRedis;
let store: Store;
let raw: Redis;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
  raw = new Redis(redis.url);
  raw.on('error', () => {});
});
beforeEach(async () => {
  await raw.config('SET', 'maxmemory', '0');
  await raw.flushall();
});
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await redis.stop();
});

const reasons = async (limit = ALL) => (await store.events.read({ limit })).map(({ why }) => why);

describe('events', () => {
  test('are read oldest first, of one server or since a time, the newest so many', async () => {
    for (const [server, why] of [
      ['abc234', 'one'],
      ['def234', 'two'],
      ['abc234', 'three'],
    ] as const) {
      store.events.note({ kind: 'ready', server, why });
    }
    await until('all are there', async () => (await raw.xlen(KEY)) === 3);
    expect(await reasons()).toEqual(['one', 'two', 'three']);
    expect(await reasons(2)).toEqual(['two', 'three']);
    expect(await store.events.read({ server: 'abc234', limit: ALL })).toHaveLength(2);
    const [{ at = 0 } = {}] = await store.events.read({ limit: 1 });
    expect(await store.events.read({ since: at + 1, limit: ALL })).toEqual([]);
    expect(await store.events.read({ since: at, limit: ALL })).not.toEqual([]);
  });

  test('are capped', async () => {
    for (let batch = 0; batch < 20; batch++) {
      for (let n = 0; n < 150; n++) store.events.note({ kind: 'ready', why: `${batch} ${n}` });
      await until('they are written', async () => (await reasons(1))[0] === `${batch} 149`);
    }
    expect(await raw.xlen(KEY)).toBeLessThanOrEqual(1_100);
    expect(await raw.xlen(KEY)).toBeGreaterThanOrEqual(1_000);
  });

  test('are written by a verb that ends at once', async () => {
    for (let n = 0; n < 20; n++) {
      const verb = await openStore(redis.url, false);
      verb.events.note({ kind: 'scaled', why: String(n) });
      await verb.close();
    }
    expect(await reasons()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
  });

  test('are written while Redis is out of memory', async () => {
    await raw.config('SET', 'maxmemory', '1');
    store.events.note({ kind: 'ready', why: 'no room' });
    await until('it is there', async () => (await reasons())[0] === 'no room');
  });

  test('of an order are written with it, once, also while Redis is out of memory', async () => {
    await raw.config('SET', 'maxmemory', '1');
    for (let again = 0; again < 3; again++) {
      await store.registry.orderRetire(['abc234'], 5_000, false, again > 0);
      await store.registry.orderRetire(['def234'], 5_000);
    }
    expect(await reasons()).toEqual(['to finish within 5 s', 'to finish within 5 s']);
    const found = await store.events.read({ limit: ALL });
    expect(found.map(({ kind, server }) => [kind, server])).toEqual([
      ['ordered', 'abc234'],
      ['ordered', 'def234'],
    ]);
  });

  test('that are not ours are skipped and told', async () => {
    await raw.xadd(KEY, '*', 'event', eventText({ kind: 'ready', why: 'good' }));
    await raw.xadd(KEY, '*', 'event', '<script>alert(1)</script>');
    await raw.xadd(KEY, '*', 'event', 'x'.repeat(5_000_000));
    await raw.xadd(KEY, '*', 'a', 'b', 'event', eventText({ kind: 'lost', why: 'good too' }));
    const skipped: Skipped[] = [];
    const found = await store.events.read({ limit: ALL, onSkipped: (all) => skipped.push(...all) });
    expect(found.map(({ why }) => why)).toEqual(['good', 'good too']);
    expect(skipped.map(({ why }) => why)).toEqual([
      'not a JSON object',
      'an entry of 5000005 bytes',
    ]);
  });

  test('of which nobody knew whether they were written are told once', async () => {
    const text = eventText({ kind: 'lost', why: 'twice' }, 'token1');
    await raw.xadd(KEY, '*', 'event', text);
    await raw.xadd(KEY, '*', 'event', text);
    expect(await reasons()).toEqual(['twice']);
  });

  test('under a key of another type are an error that names it, and harm nobody who notes', async () => {
    await raw.set(KEY, 'x');
    store.events.note({ kind: 'ready' });
    const error = await store.events.read({ limit: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ kind: 'damaged', message: expect.stringContaining(KEY) });
    await expect(store.events.follow(null, () => {}, new AbortController().signal)).rejects.toThrow(
      KEY,
    );
    expect(await raw.get(KEY)).toBe('x');
  });
});

describe('while Redis is away', () => {
  test('the newest 200 are kept, and told with their own time once it is back', async () => {
    await redis.kill('SIGKILL');
    await until('it is away', () => !store.connected());
    const awayAt = Date.now();
    for (let n = 0; n < 300; n++) store.events.note({ kind: 'ejected', why: String(n) });
    await until('a while', () => Date.now() - awayAt > 2_000);
    await redis.restart();
    await until('they are told', async () => (await reasons().catch(() => [])).length > 0);
    const found = await store.events.read({ limit: ALL });
    expect(found.map(({ why }) => why)).toEqual(
      Array.from({ length: 200 }, (_, n) => String(n + 100)),
    );
    for (const { at } of found) expect(Math.abs(at - awayAt)).toBeLessThan(1_500);
  });
});

describe('who follows events', () => {
  test('hears of each once, over a connection of its own, across an outage of Redis', async () => {
    const heard: FleetEvent[] = [];
    const said: string[] = [];
    const stop = new AbortController();
    await raw.xadd(KEY, '*', 'event', eventText({ kind: 'ready', why: 'before' }));
    const followed = store.events.follow(null, (came) => heard.push(...came), stop.signal, {
      say: (line) => said.push(line),
    });
    await until('it listens', async () => /cmd=xread/.test(String(await raw.client('LIST'))));
    store.events.note({ kind: 'ready', why: 'first' });
    await until('the first is heard', () => heard.length === 1);
    await redis.kill('SIGKILL');
    await until('it says that Redis is away', () => said.length > 0);
    await redis.restart();
    await until('Redis takes notes', () => store.connected());
    store.events.note({ kind: 'lost', why: 'second' });
    await until('the second is heard', () => heard.length === 2);
    stop.abort();
    await followed;
    expect(heard.map(({ why }) => why)).toEqual(['first', 'second']);
    expect(said).toEqual([
      expect.stringContaining(`Redis at 127.0.0.1:${redis.port}`),
      `Redis at 127.0.0.1:${redis.port} is back`,
    ]);
  });

  test('is told of a Redis that went before it was connected, and hears once it is back', async () => {
    await until('the store is connected', () => store.connected());
    const [heard, said]: [FleetEvent[], string[]] = [[], []];
    const stop = new AbortController();
    await redis.kill('SIGKILL');
    const followed = store.events.follow('0-0', (came) => heard.push(...came), stop.signal, {
      say: (line) => said.push(line),
    });
    await until('it says that Redis is away', () => said.length === 1);
    await redis.restart();
    await until('Redis takes notes', () => store.connected());
    store.events.note({ kind: 'ready', why: 'late' });
    await until('it is heard', () => heard.some(({ why }) => why === 'late'));
    stop.abort();
    await followed;
    expect(said.at(-1)).toBe(`Redis at 127.0.0.1:${redis.port} is back`);
  });

  test('ends at once when it is told to, and leaves no connection', async () => {
    const clients = async () =>
      String(await raw.client('LIST'))
        .trim()
        .split('\n').length;
    await until('the store is connected', () => store.connected());
    const before = await clients();
    const stop = new AbortController();
    const followed = store.events.follow('0-0', () => {}, stop.signal);
    await until('it listens', async () => /cmd=xread/.test(String(await raw.client('LIST'))));
    stop.abort();
    await followed;
    await until('its connection is gone', async () => (await clients()) === before);
  });
});
