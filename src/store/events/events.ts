import type { FleetEvent, NewEvent } from '../../model/event.ts';
import type { Skipped } from '../../model/fleet-view.ts';
import type { Link } from '../connection/connection.ts';
import type { LinkOptions, Way } from '../connection/open.ts';
import type { Keys } from '../keys.ts';
import { followEvents } from './follow.ts';
import { readEvents } from './read.ts';
import { createEventWriter, type EventText, type EventWriter } from './write.ts';

interface EventsWanted {
  /** Nothing older, Unix ms on Redis' clock. */
  readonly since?: number | undefined;
  /** Only of this one. */
  readonly server?: string | undefined;
  /** The newest so many. */
  readonly limit: number;
  readonly onSkipped?: (skipped: readonly Skipped[]) => void;
}

interface EventsFollowed {
  /** Told when Redis goes away and comes back. */
  readonly say?: (line: string) => void;
  readonly onSkipped?: (skipped: readonly Skipped[]) => void;
}

export interface Events {
  /** Writes without waiting; what Redis cannot take now is kept, the newest 200, and told later. Never throws. */
  note(event: NewEvent): void;
  /** Oldest first. Rejects with StoreError. */
  read(wanted: EventsWanted): Promise<readonly FleetEvent[]>;
  /**
   * Tells of what comes after this id, or from now on where that is null, until it is aborted, over a
   * connection of its own that outlives Redis. Rejects with StoreError where Redis refuses it.
   */
  follow(
    from: string | null,
    onEvents: (events: readonly FleetEvent[]) => void,
    signal: AbortSignal,
    how?: EventsFollowed,
  ): Promise<void>;
}

/** What happened in the fleet. */
export function createEvents(
  link: Link,
  keys: Keys,
  toText: EventText,
  way: Way,
  options: LinkOptions,
): Events & Pick<EventWriter, 'written'> {
  const { note, written } = createEventWriter(link, keys, toText, options.say);
  return {
    note,
    written,
    async read({ since, server, limit, onSkipped = () => {} }) {
      const { events, skipped } = await readEvents(
        link,
        keys,
        since === undefined ? {} : { from: `${Math.max(0, since)}-0` },
      );
      if (skipped.length > 0) onSkipped(skipped);
      const wanted = events.filter(
        (event) =>
          (since === undefined || event.at >= since) &&
          (server === undefined || event.server === server),
      );
      return limit === 0 ? [] : wanted.slice(-limit);
    },
    follow: (from, onEvents, signal, { say = () => {}, onSkipped = () => {} } = {}) =>
      followEvents({ way, keys, link: { ...options, say }, from, onEvents, onSkipped, signal }),
  };
}
