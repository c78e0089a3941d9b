import type { Redis } from 'ioredis';
import { isOutage } from '../../errors.ts';
import { openClient } from './client.ts';
import {
  type CommandLimits,
  type ConnectionWatch,
  CurrentConnection,
  type Link,
} from './connection.ts';
import { LastingConnection } from './lasting-connection.ts';
import type { RedisAddress } from './redis-url.ts';

export interface LinkOptions extends CommandLimits {
  readonly connectMs: number;
  /** A line for whoever reads the log. */
  say(line: string): void;
  /** Rejects unless Redis takes a write there; must change nothing. */
  takesWrites(redis: Redis): Promise<unknown>;
}

export interface OpenLink extends Link {
  connected(): boolean;
  close(): Promise<void>;
}

/**
 * A link of one connection, for a verb: when that breaks, it is broken.
 * @throws StoreError when Redis cannot be used
 */
export async function openConnection(
  address: RedisAddress,
  options: LinkOptions,
): Promise<OpenLink> {
  const redis = await openClient(address, options.connectMs);
  const link = new CurrentConnection(address.label, options, unwatched);
  link.use(redis);
  return opened(link, async () => link.detach()?.disconnect());
}

/**
 * A link that is made good again for ever, for servers, doors and reconcilers.
 * @param mayBeAway whether it may begin with a Redis that is away: then it is tried again from there on
 * @throws StoreError when Redis cannot be used at first
 */
export async function openLastingConnection(
  address: RedisAddress,
  options: LinkOptions,
  mayBeAway = false,
): Promise<OpenLink> {
  const redis = await openClient(address, options.connectMs).catch((error: unknown) => {
    if (mayBeAway && isOutage(error)) return error;
    throw error;
  });
  const lasting = new LastingConnection(address, options, redis);
  return opened(lasting.link, () => lasting.close());
}

const unwatched: ConnectionWatch = { lost() {}, silent() {}, failed() {}, well() {} };

function opened(link: CurrentConnection, close: () => Promise<void>): OpenLink {
  return {
    label: link.label,
    run: (send) => link.run(send),
    onConnection: (listener) => link.onConnection(listener),
    connected: () => link.current() !== null,
    close,
  };
}
