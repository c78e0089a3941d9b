import { isIP } from 'node:net';
import { Redis, type RedisOptions, ReplyError } from 'ioredis';
import { reason } from '../../text.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { type Hello, listenForHello, refuseOld, refuseSentinel } from './hello.ts';
import { type NodeAddress, nameOf, type RedisPlace } from './redis-address.ts';
import { isTrouble, storeError } from './trouble.ts';

// Each command has a limit of its own, see connection.ts; this one frees what is kept for its answer.
const FORGET_MS = 30_000;
const DISCONNECT_MS = 200;

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** A connection, and what was said at its beginning. */
export interface Opened {
  readonly redis: Redis;
  readonly hello: Hello;
}

/**
 * Opens one connection to a Redis within `connectMs`.
 * @param needless cuts it off, whenever that is aborted
 * @throws StoreError when Redis cannot be used
 */
export async function openClient(
  address: NodeAddress,
  connectMs: number,
  needless?: AbortSignal,
): Promise<Opened> {
  const opened = await openNode(address, connectMs, needless);
  try {
    refuseSentinel(address.label, opened.hello);
  } catch (error) {
    opened.redis.disconnect();
    throw error;
  }
  return opened;
}

/**
 * The same to a Redis or a Sentinel. It never comes back by itself: whoever wants another opens one, so
 * that no state of an old one, and no promise that the client library keeps to itself (it subscribes
 * and selects again without anybody to hear of a failure), outlives it.
 * @throws StoreError
 */
export async function openNode(
  address: NodeAddress,
  connectMs: number,
  needless?: AbortSignal,
): Promise<Opened> {
  const { label } = address;
  const redis = new Redis(clientOptions(address, connectMs));
  needless?.addEventListener('abort', () => cutOff(redis));
  const hello = listenForHello(redis);
  try {
    await withinAwake(greeted(redis), connectMs, () => new Error('connect timed out'));
    refuseOld(label, hello.version());
    if (hello.refusal() !== null) throw hello.refusal();
    return { redis, hello };
  } catch (cause) {
    redis.disconnect();
    refuseOld(label, hello.version());
    if (!isTrouble(cause)) throw cause;
    throw storeError(label, cause);
  } finally {
    redis.removeAllListeners('error');
    redis.on('error', () => {}); // nothing is to end this process; whoever uses it hears of it too
  }
}

/** Whoever is at the other end may hang: its word on the close is not waited for. */
function cutOff(redis: Redis): void {
  redis.disconnect();
  (redis.stream as Redis['stream'] | undefined)?.destroy();
}

/** How many bytes have come: what tells a slow Redis from one that is out of reach. */
export function received(redis: Redis): number {
  return redis.stream.bytesRead;
}

/** `host:port` of the node that it leads to. */
export function nodeOf({ options: { host = '', port = 0 } }: Redis): string {
  return nameOf({ host, port });
}

/** What Redis answered instead, where it was Redis who said no. */
export function refusal(cause: unknown): string | null {
  return cause instanceof ReplyError ? reason(cause) : null;
}

/** A wrong database or a refused password comes as an `error` beside a connection that looks well. */
function greeted(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    redis.on('error', reject);
    redis.connect().then(resolve, reject);
  });
}

// Its own defaults wait 73 s, or for ever, and send a pop twice: docs/decisions.md, "Nothing is sent
// to Redis twice by itself".
function clientOptions(address: NodeAddress, connectMs: number): ClientOptions {
  const { label: _, tls, place, ...how } = address;
  return {
    ...place,
    ...how,
    ...(tls ? { tls: serverName(place) } : {}),
    lazyConnect: true,
    connectTimeout: connectMs,
    commandTimeout: FORGET_MS,
    disconnectTimeout: DISCONNECT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    retryStrategy: () => null,
  };
}

// RFC 6066 §3: a server name is never an address.
function serverName(place: RedisPlace): { servername?: string } {
  return 'host' in place && isIP(place.host) === 0 ? { servername: place.host } : {};
}
