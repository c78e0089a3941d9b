import { ReplyError } from 'ioredis';
import { StoreError } from '../errors.ts';
import { reason } from '../text.ts';

type Case = readonly [pattern: RegExp, kind: StoreError['kind'], says: string, remedy: string];

const START = 'Start it, or set REDIS_URL to the Redis you mean';
const CREDENTIALS = 'Put user and password into REDIS_URL: redis://user:password@host:port';

/** What Redis or the way to it can say, most telling first. */
const cases: readonly Case[] = [
  [
    /OOM /,
    'full',
    'is out of memory',
    'Raise its maxmemory, or take pictures out with `meowctl meow`',
  ],
  [/WRONGTYPE/, 'damaged', 'holds another type of value under one of our keys', 'Remove that key'],
  [/LOADING/, 'unavailable', 'is still loading its data', 'Try again in a moment'],
  [/READONLY/, 'refused', 'is a read-only replica', 'Set REDIS_URL to its primary'],
  [
    /MASTERDOWN/,
    'refused',
    'is a replica that has lost its primary',
    'Set REDIS_URL to its primary',
  ],
  [
    /NOREPLICAS/,
    'refused',
    'takes no writes: too few of its replicas are connected',
    'Bring its replicas back, or lower its min-replicas-to-write',
  ],
  [
    /\b(MOVED|ASK|CLUSTERDOWN|CROSSSLOT) /,
    'refused',
    'is one node of a cluster, and the keys are not there',
    'Set REDIS_URL to the node that has them, or to a Redis that is no cluster',
  ],
  [/NOAUTH/, 'refused', 'wants a password', CREDENTIALS],
  [
    /WRONGPASS|invalid username-password|AUTH.*without any password/,
    'refused',
    'refused the password',
    CREDENTIALS,
  ],
  [
    /NOPERM|user executing the script can't/,
    'refused',
    'does not let this user do that',
    'Give its ACL user the keys and commands',
  ],
  [/max number of clients/, 'unavailable', 'has no free client slot', 'Raise its maxclients'],
  [/DB index/, 'refused', 'has no such database', 'Correct the number at the end of REDIS_URL'],
  [/MISCONF|EROFS|ENOSPC/, 'refused', 'cannot write its data to disk', 'See its log'],
  [
    /compiling script|unexpected symbol|script flag/i,
    'refused',
    'is too old',
    'Use Redis 7 or newer, or Valkey',
  ],
  [
    /Protocol error|ParserError|RESP type|HTTP\//,
    'unavailable',
    'does not speak the Redis protocol',
    START,
  ],
  [/ECONNREFUSED/, 'unavailable', 'refused the connection', START],
  [/ENOTFOUND|EAI_AGAIN/, 'unavailable', 'has a host name that cannot be found', START],
  [/EHOSTUNREACH|ENETUNREACH/, 'unavailable', 'cannot be reached', START],
  [/timed? ?out|ETIMEDOUT/i, 'unavailable', 'does not answer', START],
  [/closed|writeable|max retries|ECONNRESET|EPIPE/i, 'unavailable', 'closed the connection', START],
  [
    /certificate|SSL|TLS/i,
    'unavailable',
    'could not agree on TLS',
    'Check rediss:// and its certificate',
  ],
];

/**
 * One clear error for whatever the client threw.
 * @param label `host:port`, without credentials
 */
export function storeError(label: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const text = reason(cause);
  const found = cases.find(([pattern]) => pattern.test(text));
  if (!found) {
    const kind = cause instanceof ReplyError ? 'refused' : 'unavailable';
    return new StoreError(kind, `Redis at ${label} said: ${text}`, 'See its log', { cause });
  }
  const [, kind, says, remedy] = found;
  return new StoreError(kind, `Redis at ${label} ${says}`, remedy, { cause });
}
