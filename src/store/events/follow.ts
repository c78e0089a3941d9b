import { setTimeout as pause } from 'node:timers/promises';
import { isOutage } from '../../errors.ts';
import type { FleetEvent } from '../../model/event.ts';
import type { Skipped } from '../../model/fleet-view.ts';
import {
  type LinkOptions,
  type OpenLink,
  openLastingConnection,
  type Way,
} from '../connection/open.ts';
import type { Keys } from '../keys.ts';
import { readEvents } from './read.ts';

/** How long Redis holds one look back for what is new; a stopped one is found out soon after. */
const BLOCK_MS = 2_000;
const AGAIN_MS = 500;
const BEFORE_ALL = '0-0';

export interface Following {
  readonly way: Way;
  readonly keys: Pick<Keys, 'events'>;
  readonly link: LinkOptions;
  /** Id of the last event that is known; null for what comes from now on. */
  readonly from: string | null;
  onEvents(events: readonly FleetEvent[]): void;
  onSkipped(skipped: readonly Skipped[]): void;
  readonly signal: AbortSignal;
}

/**
 * Tells of events as they come, over a connection of its own, until it is aborted. Goes on where it
 * was once Redis is back.
 * @throws StoreError where Redis refuses it
 */
export async function followEvents(following: Following): Promise<void> {
  const { way, signal } = following;
  const options = { ...following.link, commandMs: BLOCK_MS + following.link.commandMs };
  // A Redis that goes just now is told too: who follows has said already that it does.
  const link = await openLastingConnection(way, options, true);
  const close = () => void link.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    let { from } = following;
    const tokens = new Set<string>();
    while (!signal.aborted) from = await look(link, following, from, tokens);
  } finally {
    signal.removeEventListener('abort', close);
    await link.close();
  }
}

async function look(
  link: OpenLink,
  following: Following,
  from: string | null,
  tokens: Set<string>,
): Promise<string | null> {
  try {
    return await (from === null ? last(link, following) : next(link, following, from, tokens));
  } catch (error) {
    if (following.signal.aborted) return from;
    if (!isOutage(error)) throw error;
    await pause(AGAIN_MS);
    return from;
  }
}

async function last(link: OpenLink, { keys }: Following): Promise<string> {
  const { lastId } = await readEvents(link, keys, { limit: 1 });
  return lastId ?? BEFORE_ALL;
}

// XREAD would bring whatever stands there, however long: it only tells that something does.
async function next(
  link: OpenLink,
  following: Following,
  from: string,
  tokens: Set<string>,
): Promise<string> {
  const { keys, onEvents, onSkipped } = following;
  const came = await link.run((redis) =>
    redis.xread('COUNT', 1, 'BLOCK', BLOCK_MS, 'STREAMS', keys.events, from),
  );
  if (came === null || following.signal.aborted) return from;
  const { events, lastId, skipped } = await readEvents(link, keys, { from: `(${from}`, tokens });
  if (skipped.length > 0) onSkipped(skipped);
  if (events.length > 0) onEvents(events);
  return lastId ?? from;
}
