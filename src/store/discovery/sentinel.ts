import type { Redis } from 'ioredis';
import { isHost, LAST_PORT } from '../../address.ts';
import { StoreError } from '../../errors.ts';
import { plain, quote, reason } from '../../text.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { openNode } from '../connection/client.ts';
import {
  type Credentials,
  type HostAndPort,
  nameOf,
  type RedisAddress,
} from '../connection/redis-address.ts';
import { isTrouble, troubleOf } from '../connection/trouble.ts';

type Case = readonly [pattern: RegExp, says: string, remedy: string];

const CREDENTIALS =
  'Set MEOW_SENTINEL_USER and MEOW_SENTINEL_PASSWORD to what the sentinels want; they do not take those of Redis';

/** What a Sentinel answers, or another server in its place. */
const answers: readonly Case[] = [
  [/NOAUTH/, 'wants a password', CREDENTIALS],
  [/WRONGPASS|AUTH.*without any password/, 'refused the password', CREDENTIALS],
  [
    /NOPERM/,
    'does not let this user ask',
    "Give it the right: ACL SETUSER <name> +sentinel|master +subscribe '&+switch-master'",
  ],
  [
    /unknown command/i,
    'is no Sentinel',
    'Name the sentinels in REDIS_URL (their port is 26379 as a rule), or use redis:// for one Redis',
  ],
];

export interface SentinelNeeds {
  /** For each step towards it. */
  readonly connectMs: number;
  readonly sentinel: Credentials;
}

/** Where a sentinel says that the primary is. */
export interface Told extends HostAndPort {
  /** Rises with each failover: the higher of two is the newer. */
  readonly epoch: number;
}

/** @throws StoreError */
export async function enterSentinel(
  { tls }: RedisAddress,
  sentinel: HostAndPort,
  { connectMs, sentinel: credentials }: SentinelNeeds,
  needless: AbortSignal,
): Promise<Redis> {
  const address = { place: sentinel, ...credentials, tls, db: 0, label: nameOf(sentinel) };
  try {
    return (await openNode(address, connectMs, needless)).redis;
  } catch (error) {
    throw sentinelError(sentinel, '', error instanceof StoreError ? (error.cause ?? error) : error);
  }
}

/**
 * Where that sentinel says that the primary is.
 * @param redis a connection to it
 * @throws StoreError
 */
export async function askSentinel(
  redis: Redis,
  sentinel: HostAndPort,
  master: string,
  { connectMs }: SentinelNeeds,
): Promise<Told> {
  try {
    const asked = redis.call('SENTINEL', 'MASTER', master);
    const late = () => new Error('Command timed out');
    return toldBy(sentinel, master, await withinAwake(asked, connectMs, late));
  } catch (cause) {
    throw sentinelError(sentinel, master, cause);
  }
}

/** One clear error for what a Sentinel said, or the way to it. */
export function sentinelError(sentinel: HostAndPort, master: string, cause: unknown): StoreError {
  if (!isTrouble(cause)) throw cause;
  if (cause instanceof StoreError) return cause;
  const who = `Sentinel at ${nameOf(sentinel)}`;
  const said = reason(cause);
  if (/No such master/i.test(said)) {
    const remedy = 'Correct it in REDIS_URL: redis+sentinel://host:port,…/<name of the master>';
    return new StoreError('refused', `${who} knows no master ${plain(master)}`, remedy, { cause });
  }
  const found = answers.find(([pattern]) => pattern.test(said));
  if (!found) {
    const { kind, says, remedy } = troubleOf(cause);
    return new StoreError(kind, `${who} ${says}`, remedy, { cause });
  }
  const [, says, remedy] = found;
  return new StoreError('refused', `${who} ${says}`, remedy, { cause });
}

function toldBy(sentinel: HostAndPort, master: string, reply: unknown): Told {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  const field = (name: string) => words[words.indexOf(name) + 1] ?? '';
  const told = { host: field('ip'), port: Number(field('port')) };
  if (isHost(told.host) && told.port > 0 && told.port <= LAST_PORT) {
    return { ...told, epoch: Number(field('config-epoch')) || 0 };
  }
  const message = `Sentinel at ${nameOf(sentinel)} names no address for ${master}, but ${quote(told.host)}`;
  throw new StoreError('refused', message, 'See what `SENTINEL MASTERS` says there');
}
