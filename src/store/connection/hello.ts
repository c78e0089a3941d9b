import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import { quote, reason } from '../../text.ts';

const OLDEST = 7;

/** The answer to a connection's own HELLO. */
export interface Hello {
  /** What Redis says it is; null before it said so, or where that makes no sense. */
  version(): string | null;
  /** Why it was refused: the client goes on in the old protocol, where who hears cannot ask. */
  refusal(): unknown;
  /** `master` or `replica`; null where it does not say. */
  role(): string | null;
  /** `standalone`, `cluster` or `sentinel`; null where it does not say. */
  mode(): string | null;
}

/**
 * Listens to the answer to the connection's own HELLO, so that knowing the version costs no round
 * trip. A Redis before 6 does not know HELLO at all.
 */
export function listenForHello(redis: Redis): Hello {
  let version: string | null = null;
  let refusal: unknown = null;
  let said: readonly unknown[] = [];
  const field = (name: string) =>
    said.includes(name) ? String(said[said.indexOf(name) + 1]) : null;
  const heard = (reply: unknown) => {
    said = Array.isArray(reply) ? reply : [];
    version = field('version');
  };
  const refused = (error: unknown) => {
    refusal = error;
    if (/unknown command.*hello/i.test(reason(error))) version = '5 or older, or HELLO renamed';
  };
  const hello = redis.hello.bind(redis) as (...words: unknown[]) => Promise<unknown>;
  const listening = (...words: unknown[]) => {
    const answer = hello(...words);
    answer.then(heard, refused);
    return answer;
  };
  redis.hello = listening as Redis['hello'];
  return {
    version: () => version,
    refusal: () => refusal,
    role: () => field('role'),
    mode: () => field('mode'),
  };
}

/**
 * Our scripts declare what they do (`#!lua flags=…`), which came with Redis 7.
 * @throws StoreError for an older one
 */
export function refuseOld(label: string, version: string | null): void {
  const major = /^(\d{1,3})\b/.exec(version ?? '')?.[1];
  if (major === undefined || Number(major) >= OLDEST) return;
  throw new StoreError(
    'refused',
    `Redis at ${label} is too old: version ${quote(version)}, and ${OLDEST} is needed`,
    `Use Redis ${OLDEST} or newer, or Valkey, and set REDIS_URL to it`,
  );
}

/** @throws StoreError for a Sentinel: it listens like a Redis, and keeps nothing */
export function refuseSentinel(label: string, hello: Hello): void {
  if (hello.mode() !== 'sentinel') return;
  throw new StoreError(
    'refused',
    `Redis at ${label} is a Sentinel, which knows of a Redis and is none`,
    `Set REDIS_URL to redis+sentinel://${label}/<name of the master>`,
  );
}
