import { type FleetEvent, MAX_EVENT, parseEvent } from '../../model/event.ts';
import type { Skipped } from '../../model/fleet-view.ts';
import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { defineScript, list } from '../scripts/define.ts';
import readText from '../scripts/events/read.lua';

/** Ours are about half as many; what somebody else adds is not read without end. */
const MOST_READ = 2_000;
const FIRST = '-';

export interface ReadEvents {
  /** Oldest first, by when they happened. */
  readonly events: readonly FleetEvent[];
  /** Id of the last entry, good or not; null where there is none. */
  readonly lastId: string | null;
  readonly skipped: readonly Skipped[];
}

interface Reading {
  /** An id, or one after `(`: then what comes after it. */
  readonly from?: string;
  readonly limit?: number;
  /** Tokens of events that were read before: an event that was written twice is told once. */
  readonly tokens?: Set<string>;
}

/** @throws StoreError `damaged` where something else stands under the key */
export async function readEvents(
  link: Link,
  keys: Pick<Keys, 'events'>,
  { from = FIRST, limit = MOST_READ, tokens = new Set() }: Reading = {},
): Promise<ReadEvents> {
  const args = { from, limit, longest: MAX_EVENT };
  const cells = list(await readScript(link, keys, args));
  const events: FleetEvent[] = [];
  const skipped: Skipped[] = [];
  for (let at = cells.length - 2; at >= 0; at -= 2) {
    const id = String(cells[at]);
    const parsed = parseEvent(id, cells[at + 1]);
    if ('problem' in parsed) skipped.push({ where: `${keys.events} ${id}`, why: parsed.problem });
    else if (isNew(parsed.ok.token, tokens)) events.push(parsed.ok.event);
  }
  events.sort((a, b) => a.at - b.at);
  return { events, lastId: cells.length > 0 ? String(cells[0]) : null, skipped };
}

function isNew(token: string | null, tokens: Set<string>): boolean {
  if (token === null) return true;
  if (tokens.has(token)) return false;
  tokens.add(token);
  for (const oldest of tokens) {
    if (tokens.size <= MOST_READ) break;
    tokens.delete(oldest);
  }
  return true;
}

const readScript = defineScript(readText, {
  keys: ['events'],
  args: ['from', 'limit', 'longest'],
});
