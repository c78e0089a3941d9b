import type { FleetEvent } from '../../model/event.ts';
import { eventInWords } from '../../model/event-words.ts';
import type { Skipped } from '../../model/fleet-view.ts';
import { plain, quote } from '../../text.ts';

import { zonedTime } from '../../time/zoned-time.ts';
import type { Output } from '../output/output.ts';

interface When {
  /** Times in UTC instead of local ones. */
  readonly utc?: boolean;
}

interface Reader extends When {
  /** The name of this host, which goes without saying. */
  readonly here: string;
}

/** An event with its time of day; the date too when it was not today. */
export function eventLine(event: FleetEvent, reader: Reader): string {
  return `${timeOfEvent(event.at, reader)} ${plain(eventInWords(event, reader.here))}`;
}

/** @param at Unix ms */
export function timeOfEvent(at: number, { utc = false }: When = {}): string {
  const { date, time } = zonedTime(at, utc);
  const isToday = date === zonedTime(Date.now(), utc).date;
  return isToday ? time : `${date.slice(5)} ${time}`;
}

/** Says in one line which entries among the events are not valid. */
export function saySkipped(output: Output): (skipped: readonly Skipped[]) => void {
  return (skipped) => {
    const [first] = skipped;
    if (!first) return;
    const more = skipped.length > 1 ? `, and ${skipped.length - 1} more that are not valid` : '';
    output.talk(`meowctl: skipped ${quote(first.where)}: ${first.why}${more}`);
  };
}
