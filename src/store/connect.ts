import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { reason } from '../text.ts';
import { createImages } from './images.ts';
import { createIntents } from './intents.ts';
import { createKeys } from './keys.ts';
import { createLink, createTroubleReport, type Link } from './link.ts';
import { createMessages } from './messages.ts';
import { parseRedisUrl, type RedisAddress } from './redis-url.ts';
import { createRegistry } from './registry.ts';
import type { Store } from './store.ts';
import { storeError } from './trouble.ts';
import { listenForVersion, refuseOld, type Version } from './version.ts';
import { createVisits } from './visits.ts';

const RECONNECT_FIRST_MS = 50;
const RECONNECT_MOST_MS = 500;
const CLOSE_MS = 1_000;
const HANDSHAKE_MS = 30_000;
const DISCONNECT_MS = 200;

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

export interface ConnectOptions {
  /** `redis://` or `rediss://`, design §9. */
  readonly url: string;
  readonly namespace: string;
  readonly connectMs: number;
  readonly commandMs: number;
  /** Whether a connection that was made once is made again for ever (servers, doors) or not (verbs). */
  readonly persistent: boolean;
  /** Told when Redis goes away and comes back, at most a line a second. */
  readonly onTrouble?: (line: string) => void;
}

/**
 * Connects to one Redis within `connectMs`, or fails.
 * @throws UsageError for an address that cannot be right, StoreError when Redis cannot be used
 */
export async function connectStore(options: ConnectOptions): Promise<Store> {
  const address = parseRedisUrl(options.url);
  const redis = new Redis(clientOptions(address, options));
  const link = createLink(redis, address.label, options.commandMs);
  const report = createTroubleReport(address.label, options.onTrouble ?? (() => {}));
  await open(redis, listenForVersion(redis), address.label, options.connectMs);
  redis.on('error', report.trouble);
  redis.on('close', report.lost);
  redis.on('ready', report.well);
  const keys = createKeys(options.namespace);
  return {
    label: address.label,
    registry: createRegistry(link, keys),
    intents: createIntents(link, keys),
    messages: createMessages(link, keys),
    visits: createVisits(link, keys),
    images: createImages(link, keys),
    connected: () => redis.status === 'ready',
    close: () => close(redis, link, options.persistent),
  };
}

// faults.md A7, A10, A11: the client's own defaults wait 73 s, or for ever, and run a pop twice.
function clientOptions(address: RedisAddress, options: ConnectOptions): ClientOptions {
  const { label: _, tls, ...where } = address;
  return {
    ...where,
    ...(tls ? { tls: serverName(address.host) } : {}),
    lazyConnect: true,
    connectTimeout: options.connectMs,
    // Each command has a limit of its own, see link.ts; this ends a handshake that never does.
    commandTimeout: HANDSHAKE_MS,
    disconnectTimeout: DISCONNECT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    retryStrategy: options.persistent ? backOff : () => null,
  };
}

// RFC 6066 §3: a server name is never an address.
function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

function backOff(times: number): number {
  return Math.min(RECONNECT_FIRST_MS * 2 ** (times - 1), RECONNECT_MOST_MS);
}

/** A wrong database or a refused password comes as an `error` beside a connection that looks well. */
async function open(
  redis: Redis,
  version: Version,
  label: string,
  connectMs: number,
): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      redis.on('error', reject);
      limit = setTimeout(() => reject(new Error('connect timed out')), connectMs);
      redis.connect().then(resolve, reject);
    });
    refuseOld(label, version());
  } catch (cause) {
    redis.on('error', ignoreAfterFailure);
    redis.disconnect();
    refuseOld(label, version());
    throw storeError(label, cause);
  } finally {
    clearTimeout(limit);
    redis.removeAllListeners('error');
    redis.on('error', ignoreAfterFailure);
  }
}

// The failure has been thrown; the client may still emit what follows from it.
function ignoreAfterFailure(error: unknown): string {
  return reason(error);
}

// Only a server or a door may have sent what it does not wait for.
async function close(redis: Redis, link: Link, awaitSent: boolean): Promise<void> {
  redis.removeAllListeners('close'); // asked for, so it is no trouble
  if (awaitSent && redis.status === 'ready' && !link.silent()) await quit(redis);
  // The client would wait for the close of a connection that has closed already.
  if (redis.status !== 'end') redis.disconnect();
}

async function quit(redis: Redis): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    limit = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([redis.quit().catch(reason), late]);
  clearTimeout(limit);
}
