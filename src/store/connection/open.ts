import type { Redis } from 'ioredis';
import { isOutage, type StoreError } from '../../errors.ts';
import {
  type CommandLimits,
  type ConnectionWatch,
  CurrentConnection,
  type Link,
} from './connection.ts';
import { LastingConnection } from './lasting-connection.ts';

/** How a connection is made: to one node, or to whichever is the primary now. */
export interface Way {
  /** `host:port`, or what names several; without credentials. */
  readonly label: string;
  /** Whether dialling again may lead to another node. */
  readonly follows: boolean;
  /**
   * @param needless ends it early: nobody waits for it any more
   * @throws StoreError when Redis cannot be used
   */
  dial(needless?: AbortSignal): Promise<Redis>;
  /** Asks all who know which node it is; none where there is only one. */
  ask(): Promise<Guides | null>;
  /**
   * Calls back whenever it is told that another node is the primary now, with its `host:port`.
   * @param say told where those who would tell are out of reach
   * @returns stops
   */
  watch(moved: (to: string) => void, say: (line: string) => void): () => void;
}

/** Those who know which node is the primary: sentinels, or nodes of a cluster. */
export interface Guides {
  readonly kind: 'sentinels' | 'cluster';
  readonly answered: number;
  /** Of those that did not answer as they should. */
  readonly troubles: readonly StoreError[];
  /** `host:port` of each node that one of them takes for the primary: more than one where they do not agree. */
  readonly primaries: readonly string[];
}

export interface LinkOptions extends CommandLimits {
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
export async function openConnection(way: Way, options: LinkOptions): Promise<OpenLink> {
  const redis = await way.dial();
  const link = new CurrentConnection(way, options, unwatched);
  link.use(redis);
  return opened(link, async () => link.detach()?.disconnect());
}

/**
 * A link that is made good again for ever, for servers, doors and reconcilers.
 * @param mayBeAway whether it may begin with a Redis that is away: then it is tried again from there on
 * @throws StoreError when Redis cannot be used at first
 */
export async function openLastingConnection(
  way: Way,
  options: LinkOptions,
  mayBeAway = false,
): Promise<OpenLink> {
  const redis = await way.dial().catch((error: unknown) => {
    if (mayBeAway && isOutage(error)) return error;
    throw error;
  });
  const lasting = new LastingConnection(way, options, redis);
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
