import type { LogLine } from '../../logs/server-log.ts';
import type { FleetEvent } from '../../model/event.ts';
import type { RequestNote } from '../../proxy/request-notes.ts';
import { zonedTime } from '../../time/zoned-time.ts';

/** An answer: what is known, in sentences, and what they were made of. */
export interface Story {
  readonly sentences: readonly string[];
  readonly events: readonly FleetEvent[];
  readonly requests: readonly RequestNote[];
  /** What a server said, where that tells more. */
  readonly log: readonly LogLine[];
}

/** `14:03:07`, with the date when it was not today. Local. */
export function clock(at: number): string {
  const { date, time } = zonedTime(at);
  const text = time.slice(0, 8);
  return date === zonedTime(Date.now()).date ? text : `${text} on ${date}`;
}

/** `3 requests`, `1 request` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
