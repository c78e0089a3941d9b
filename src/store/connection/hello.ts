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
}

/**
 * Listens to the answer to the connection's own HELLO, so that knowing the version costs no round
 * trip. A Redis before 6 does not know HELLO at all.
 */
export function listenForHello(redis: Redis): Hello {
  let version: string | null = null;
  let refusal: unknown = null;
  const heard = (reply: unknown) => {
    version = Array.isArray(reply) ? String(reply[reply.indexOf('version') + 1]) : null;
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
  return { version: () => version, refusal: () => refusal };
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
