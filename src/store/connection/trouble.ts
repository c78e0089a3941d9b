import { ReplyError } from 'ioredis';
import { StoreError, type StoreErrorKind } from '../../errors.ts';
import { isOfSystem } from '../../expected-errors.ts';
import { reason } from '../../text.ts';
import { networkTrouble } from './network-trouble.ts';
import { refusal, type Trouble, unknownRefusal } from './refusal.ts';

type Case = readonly [pattern: RegExp, kind: StoreErrorKind, says: string, remedy: string];

const PRIMARY = 'Set REDIS_URL to its primary';
const LATER = 'Try again in a moment';
const CREDENTIALS =
  'Put user and password into REDIS_URL, before an @: redis://user:password@host, unix://user:password@/path';

/** What Redis answers, most telling first. */
const answers: readonly Case[] = [
  [/OOM /, 'full', 'is out of memory', 'Raise maxmemory there, or take pictures: `meowctl meow`'],
  [/LOADING/, 'unavailable', 'is still loading its data', LATER],
  [/READONLY/, 'refused', 'is a read-only replica', PRIMARY],
  [/MASTERDOWN/, 'refused', 'is a replica that has lost its primary', PRIMARY],
  [
    /NOREPLICAS/,
    'refused',
    'takes no writes: too few of its replicas are connected',
    'Bring its replicas back, or lower its min-replicas-to-write',
  ],
  [
    /MISCONF|EROFS|ENOSPC/,
    'refused',
    'takes no writes: it cannot save its data to disk',
    'Make room on its disk, or see what its log says of it',
  ],
  [/NOAUTH/, 'refused', 'wants a password', CREDENTIALS],
  [
    /WRONGPASS|invalid username-password|AUTH.*without any password/,
    'refused',
    'refused the password',
    CREDENTIALS,
  ],
  [
    /DENIED .*protected mode/,
    'refused',
    'is in protected mode: it takes clients from its own machine only',
    'Give it a password and put it into REDIS_URL',
  ],
  [/max number of clients/, 'unavailable', 'has no free client slot', 'Raise its maxclients'],
  [
    /DB index/,
    'refused',
    'has no such database',
    'Correct the number of the database in REDIS_URL',
  ],
  [/^UNBLOCKED /, 'unavailable', 'has become a replica', LATER],
  [/^(BUSY|TRYAGAIN) /, 'unavailable', 'is busy with something else', LATER],
  [
    /compiling script|unexpected symbol|script flag/i,
    'refused',
    'is too old',
    'Use Redis 7 or newer, or Valkey',
  ],
];

/** What a node answers that is not, or not now, the one for our keys: where another can be found. */
const ofNodes: readonly Case[] = [
  [/^(MOVED|READONLY|MASTERDOWN) /, 'unavailable', 'has another primary now', LATER],
  [
    /^(ASK|TRYAGAIN) |access a non local key/,
    'unavailable',
    'is moving our keys to another node',
    LATER,
  ],
  [
    /^CLUSTERDOWN /,
    'unavailable',
    'is a cluster that is down, or in which nobody serves our keys',
    'Bring its nodes back (CLUSTER INFO tells more)',
  ],
];

/** ReplyError's own kind: whatever the client library tells of Redis and of a broken connection. */
const RedisError = Object.getPrototypeOf(ReplyError) as new () => object;

/** What the client library says in a plain Error, and we where an answer did not come in time. */
const ofClient = [
  /^Connection is closed\.$/,
  /^Stream isn't writeable/,
  /^(Command|connect) timed out$/,
  /^Command queue state error\./,
  /Please report this\.$/, // bytes that are no answer of a Redis
];

/** Node's codes for a socket and for TLS, and OpenSSL's for a certificate, but none for wrong arguments. */
const OF_SOCKET = /^(ERR_(SSL|TLS|OSSL|STREAM|SOCKET)_|(?!ERR_)[A-Z][A-Z0-9_]+$)/;

/** Whether Redis or the way to it says this. All else is a bug, and no outage. */
export function isTrouble(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (cause instanceof StoreError || cause instanceof RedisError || isOfSystem(cause)) return true;
  if (ofClient.some((says) => says.test(cause.message))) return true;
  const { code } = cause as NodeJS.ErrnoException;
  return !(cause instanceof TypeError) && OF_SOCKET.test(code ?? '');
}

/**
 * One clear error for whatever the client threw.
 * @param label `host:port`, without credentials
 * @param follows whether another connection may lead to another node: then a wrong one is soon left
 */
export function storeError(label: string, cause: unknown, follows = false): StoreError {
  if (cause instanceof StoreError) return cause;
  const passing = follows ? known(cause, ofNodes) : null;
  const { kind, says, remedy } = passing ?? troubleOf(cause);
  return new StoreError(kind, `Redis at ${label} ${says}`, remedy, { cause });
}

/** What is wrong, after the name of who said it. */
export function troubleOf(cause: unknown): Trouble {
  return cause instanceof Error && cause instanceof ReplyError ? ofAnswer(cause) : ofWay(cause);
}

/** @param to `host:port` of the primary that it has now */
export function movedTo(label: string, to: string): StoreError {
  return new StoreError('unavailable', `Redis at ${label} has another primary now: ${to}`, LATER);
}

/** Whether it is the same for whoever would write there. */
export function takesNoWrites({ cause }: StoreError): boolean {
  return /^(READONLY|NOREPLICAS|MISCONF|MASTERDOWN)\b/.test(reason(cause));
}

function ofAnswer(cause: Error): Trouble {
  return known(cause) ?? refusal(cause) ?? unknownRefusal(cause);
}

// Before the handshake is through, what Redis answers may come as any error.
function ofWay(cause: unknown): Trouble {
  return known(cause) ?? networkTrouble(cause);
}

function known(cause: unknown, cases = answers): Trouble | null {
  const text = reason(cause);
  const found = cases.find(([pattern]) => pattern.test(text));
  if (!found) return null;
  const [, kind, says, remedy] = found;
  return { kind, says, remedy };
}
