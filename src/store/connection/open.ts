import type { Redis } from 'ioredis';
import { openClient } from './client.ts';
import { CurrentLink, type Link, type LinkWatch } from './connection.ts';
import { LastingLink } from './lasting-connection.ts';
import type { RedisAddress } from './redis-url.ts';

export interface LinkOptions {
  readonly connectMs: number;
  readonly commandMs: number;
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
export async function openLink(address: RedisAddress, options: LinkOptions): Promise<OpenLink> {
  const redis = await openClient(address, options.connectMs);
  const link = new CurrentLink(address.label, options.commandMs, unwatched);
  link.use(redis);
  return opened(link, async () => link.letGo()?.disconnect());
}

/**
 * A link that is made good again for ever, for servers, doors and keepers.
 * @throws StoreError when Redis cannot be used at first
 */
export async function openLastingLink(
  address: RedisAddress,
  options: LinkOptions,
): Promise<OpenLink> {
  const redis = await openClient(address, options.connectMs);
  const lasting = new LastingLink(address, options, redis);
  return opened(lasting.link, () => lasting.close());
}

const unwatched: LinkWatch = { lost() {}, silent() {}, failed() {}, well() {} };

function opened(link: CurrentLink, close: () => Promise<void>): OpenLink {
  return {
    label: link.label,
    run: (send) => link.run(send),
    onConnection: (listener) => link.onConnection(listener),
    connected: () => link.current() !== null,
    close,
  };
}
