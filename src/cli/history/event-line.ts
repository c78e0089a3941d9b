import type { FleetEvent } from '../../model/event.ts';
import { eventInWords } from '../../model/event-words.ts';
import { plain } from '../../text.ts';
import { zonedTime } from '../../time/zoned-time.ts';

interface When {
  /** Times in UTC instead of local ones. */
  readonly utc?: boolean;
}

/** An event with its time of day; the date too when it was not today. */
export function eventLine(event: FleetEvent, when: When = {}): string {
  return `${timeOfEvent(event.at, when)} ${plain(eventInWords(event))}`;
}

/** @param at Unix ms */
function timeOfEvent(at: number, { utc = false }: When = {}): string {
  const { date, time } = zonedTime(at, utc);
  const isToday = date === zonedTime(Date.now(), utc).date;
  return isToday ? time : `${date.slice(5)} ${time}`;
}
