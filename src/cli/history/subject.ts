import { LAST_PORT } from '../../address.ts';
import { UsageError } from '../../errors.ts';
import { isServerId } from '../../ids.ts';
import { quote } from '../../text.ts';

/** What `why` is asked about. */
export type Subject =
  | { readonly kind: 'server'; readonly id: string }
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'time'; readonly from: number; readonly to: number }
  | { readonly kind: 'request'; readonly id: string };

const TIME = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/;
/** As the door takes it from a client, or makes it. */
const REQUEST_ID = /^[A-Za-z0-9._~:+/=@-]{1,128}$/;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** What belongs to a second lies this far around it. */
const AROUND_MS = 5 * SECOND_MS;

/**
 * A server's id, a port, a time of day or a request's id, in that order.
 * @param now Unix ms: a time of day is the last one before
 * @throws UsageError for what is none of them
 */
export function toSubject(text: string, now: number): Subject {
  if (isServerId(text)) return { kind: 'server', id: text };
  if (/^\d{1,5}$/.test(text)) return { kind: 'port', port: toPort(text) };
  if (TIME.test(text)) return { kind: 'time', ...toTime(text, now) };
  return toRequest(text);
}

/** @throws UsageError for what no request is called */
export function toRequest(text: string): Subject {
  if (REQUEST_ID.test(text)) return { kind: 'request', id: text };
  throw notKnown(text);
}

function toPort(text: string): number {
  const port = Number(text);
  if (port >= 1 && port <= LAST_PORT) return port;
  throw notKnown(text);
}

// Where this process runs (TZ), as everything that people are shown.
function toTime(text: string, now: number): { from: number; to: number } {
  const [, ...parts] = TIME.exec(text) ?? [];
  const [hours = 0, minutes = 0, seconds] = parts.map((part) => part && Number(part));
  const time = [Number(hours), Number(minutes), Number(seconds ?? 0)] as const;
  if (time[0] > 23 || time[1] > 59 || time[2] > 59) throw notKnown(text);
  const at = new Date(now);
  at.setHours(...time, 0);
  if (at.getTime() > now) at.setDate(at.getDate() - 1);
  const start = at.getTime();
  if (seconds === undefined) return { from: start, to: start + MINUTE_MS };
  return { from: start - AROUND_MS, to: start + SECOND_MS + AROUND_MS };
}

function notKnown(text: string): UsageError {
  return new UsageError(
    `${quote(text)} is no server, port, time or request`,
    'Use an id or a port of `meowctl ls`, a time such as 14:03 or 14:03:07, or an X-Request-Id',
  );
}
