import { StoreError, toMeowError } from '../errors.ts';
import { plain } from '../text.ts';
import type { Link } from './connection/connection.ts';
import type { Guides, Way } from './connection/open.ts';
import { readEvents } from './events/read.ts';
import type { Keys } from './keys.ts';
import { defineScript, list } from './scripts/define.ts';
import rightsText from './scripts/servers/rights.lua';

/** What Redis says of itself. */
export interface RedisFacts {
  readonly version: string;
  /** Whether it writes down each change (AOF). */
  readonly appends: boolean;
  /** How long ago it wrote its last snapshot, ms; null where it never has since its start. */
  readonly snapshotAgoMs: number | null;
  /** Whether the last thing that it wrote to disk was written. */
  readonly canSave: boolean;
  readonly policy: string;
  /** Its `maxmemory`, bytes; 0 for none. */
  readonly maxBytes: number;
  readonly usedBytes: number;
  /** How many replicas follow it now. */
  readonly replicas: number;
}

/** One Redis, looked at. */
export interface Examination {
  /** Null where INFO is refused. */
  readonly facts: RedisFacts | null;
  /** How long an answer takes, the median of a few. */
  readonly latencyMs: number;
  /** By how much its clock is ahead of this host's, give or take `clockWithinMs`. */
  readonly clockAheadMs: number;
  readonly clockWithinMs: number;
  /** Commands that this user may not run on our keys, or on the channel of hints. */
  readonly lacking: readonly string[];
  readonly channel: string;
  readonly events: EventsFound;
  /** Who tells which node is the primary; null where there is only one. */
  readonly guides: Guides | null;
}

export interface EventsFound {
  readonly key: string;
  /** By how much the last one is ahead of Redis' clock: what is added comes behind it. Null for none. */
  readonly aheadMs: number | null;
  /** Why they cannot be read; null where they can, or where that right is lacking. */
  readonly trouble: StoreError | null;
}

const LOOKS = 5;

/** Every right of docs/operations.md but EVAL, by which the others are asked for. */
export const RIGHTS = [
  ...['MULTI', 'EXEC', 'TIME', 'TYPE', 'INFO', 'PING', 'SELECT', 'SUBSCRIBE', 'PUBLISH'],
  ...['GET', 'SET', 'DEL', 'EXISTS', 'RENAME', 'PERSIST', 'EXPIRE', 'PEXPIRE', 'PTTL'],
  ...['HGET', 'HSET', 'HSETNX', 'HDEL', 'HLEN', 'HKEYS', 'HEXISTS', 'HSTRLEN', 'HMGET', 'HGETALL'],
  ...['ZADD', 'ZREM', 'ZCARD', 'ZSCORE', 'ZRANGEBYSCORE', 'ZREVRANGE', 'ZREMRANGEBYSCORE'],
  ...['LPUSH', 'LRANGE', 'LREM', 'LLEN', 'LTRIM', 'SADD', 'SMEMBERS', 'XADD', 'XREAD', 'XREVRANGE'],
] as const;

/**
 * Looks at a Redis without changing anything there.
 * @throws StoreError where it does not answer, or lets this user look at nothing
 */
export async function examine(
  link: Link,
  keys: Keys,
  { ask }: Pick<Way, 'ask'>,
): Promise<Examination> {
  const lacking = list(
    await rights(link, keys, { channel: keys.changes, commands: [...RIGHTS] }),
  ).map(String);
  const may = (name: (typeof RIGHTS)[number]) => !lacking.includes(name);
  const times: number[] = [];
  // One after the other: each alone is what a command takes.
  for (let look = 0; look < LOOKS && may('GET'); look++) times.push(await timed(link, keys.schema));
  const facts = may('INFO') ? await readFacts(link).catch(asNone) : null;
  const clock = may('TIME') ? await compareClocks(link) : { clockAheadMs: 0, clockWithinMs: 0 };
  const events = may('XREVRANGE')
    ? await lookAtEvents(link, keys, clock.clockAheadMs)
    : nothingFound(keys);
  const found = { facts, latencyMs: median(times), ...clock, lacking, events };
  return { ...found, channel: keys.changes, guides: await ask() };
}

function nothingFound(keys: Keys): EventsFound {
  return { key: keys.events, aheadMs: null, trouble: null };
}

async function lookAtEvents(link: Link, keys: Keys, clockAheadMs: number): Promise<EventsFound> {
  try {
    const { lastId } = await readEvents(link, keys, { limit: 1 });
    const nowMs = Date.now() + clockAheadMs;
    const aheadMs = lastId === null ? null : Number(lastId.split('-')[0]) - nowMs;
    return { ...nothingFound(keys), aheadMs };
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind === 'unavailable') throw error;
    return { ...nothingFound(keys), trouble: error };
  }
}

async function timed(link: Link, key: string): Promise<number> {
  const beganMs = performance.now();
  await link.run((redis) => redis.get(key));
  return performance.now() - beganMs;
}

async function compareClocks(link: Link) {
  const before = Date.now();
  const reply = await link.run((redis) => redis.time());
  const after = Date.now();
  const [seconds, micros] = [...reply].map(Number);
  const theirs = Number(seconds) * 1_000 + Number(micros) / 1_000;
  const within = (after - before) / 2;
  return { clockAheadMs: theirs - (before + within), clockWithinMs: within };
}

async function readFacts(link: Link): Promise<RedisFacts> {
  const text = await link.run((redis) => redis.info());
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1] ?? '';
  const hasSaved = Number(field('rdb_last_bgsave_time_sec') || -1) >= 0;
  const isWell = (name: string) => field(name) === 'ok' || field(name) === '';
  return {
    version: plain(field('valkey_version') || field('redis_version')),
    appends: field('aof_enabled') === '1',
    snapshotAgoMs: hasSaved ? Date.now() - Number(field('rdb_last_save_time')) * 1_000 : null,
    canSave: isWell('rdb_last_bgsave_status') && isWell('aof_last_write_status'),
    policy: plain(field('maxmemory_policy')) || 'noeviction',
    maxBytes: Number(field('maxmemory')),
    usedBytes: Number(field('used_memory')),
    replicas: Number(field('connected_slaves')),
  };
}

// INFO may be given in part (`+info|server`): then no more is known than where it is not.
function asNone(error: unknown): null {
  if ((toMeowError(error) as StoreError).kind === 'refused') return null;
  throw error;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

const rights = defineScript(rightsText, {
  keys: ['leases'],
  args: ['channel'],
  moreArgs: 'commands',
});
