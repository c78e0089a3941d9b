import { isServerId } from '../ids.ts';
import { plain } from '../text.ts';
import {
  type Check,
  isName,
  isText,
  isTime,
  isTokenOrNone,
  type Parsed,
  parseObject,
  wrongField,
} from './fields.ts';

export const EVENT_KINDS = [
  ...(['spawned', 'ready', 'ordered', 'drained', 'gone', 'lost', 'ejected', 'back'] as const),
  ...(['revived', 'crashed', 'restart-begun', 'restart-ended', 'scaled'] as const),
  ...(['redis-away', 'redis-back', 'door-opened', 'door-closed'] as const),
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** What happened in a fleet, who did it, and why. */
export interface FleetEvent {
  /** Id of the entry in the stream, `ms-seq`. */
  readonly id: string;
  /** When it happened, Unix ms: the entry's own time, unless it was told late. */
  readonly at: number;
  readonly kind: EventKind;
  /** The server it happened to, if one. */
  readonly server: string | null;
  /** Name of the host of who did it, for people. */
  readonly host: string | null;
  /** A verb, `page`, `keeper`, `door ab12cd`, `itself`, `SIGTERM`. */
  readonly by: string | null;
  /** Who ran the verb. */
  readonly user: string | null;
  /** In a few words; may be empty. */
  readonly why: string;
}

/** Whose process it is that notes events. */
export type Actor = Readonly<Record<'by' | 'host', string>> & { readonly user: string | null };

/** What a reconciler is called in events. */
export const RECONCILER = 'keeper';

/** An event that is to be noted. */
export type NewEvent = Pick<FleetEvent, 'kind'> & Partial<Omit<FleetEvent, 'id' | 'at' | 'kind'>>;

/** What a parser gives: the event, and what tells it from the same one written twice. */
export interface ReadEvent {
  readonly event: FleetEvent;
  readonly token: string | null;
}

/** The longest that is read of an entry, bytes. */
export const MAX_EVENT = 4_000;
const MAX_WHY = 300;
const MAX_ACTOR = 100;
const ENTRY_ID = /^(\d{1,20})-\d{1,20}$/;

/** An event as it stands in the stream. `token` goes with one that may be written twice. */
export function eventText(event: NewEvent, token?: string): string {
  const { kind, server, host, by, user, why = '' } = event;
  return JSON.stringify({
    kind,
    ...(server ? { server } : {}),
    ...(host ? { host: cut(host, MAX_ACTOR) } : {}),
    ...(by ? { by: cut(by, MAX_ACTOR) } : {}),
    ...(user ? { user: cut(user, MAX_ACTOR) } : {}),
    ...(why ? { why: cut(why, MAX_WHY) } : {}),
    ...(token ? { token } : {}),
  });
}

/** Why, of a server that was told to leave. */
export function finishWithin(drainMs: number): string {
  return `to finish within ${drainMs / 1_000} s`;
}

/** With who did it, where it does not say so itself: somebody else than who ran the verb. */
export function withActor(event: NewEvent, { by, host, user }: Actor): NewEvent {
  return event.by === undefined ? { by, host, user, ...event } : { host, ...event };
}

/**
 * @param id of the entry
 * @param entry its fields and values in turn, or how long they are where that is too long to be read
 */
export function parseEvent(id: string, entry: unknown): Parsed<ReadEvent> {
  if (typeof entry === 'number') return { problem: `an entry of ${entry} bytes` };
  const entryMs = Number(ENTRY_ID.exec(id)?.[1] ?? Number.NaN);
  if (Number.isNaN(entryMs)) return { problem: 'its id is not one of a stream' };
  if (!isTime(entryMs)) return { problem: 'its id is of a time that no calendar has' };
  const fields = parseObject(fieldOf(entry, 'event'));
  if (!fields) return { problem: 'not a JSON object' };
  const wrong = wrongField(fields, checks);
  if (wrong) return { problem: `its ${wrong} is not valid` };
  const {
    kind,
    server = null,
    host = null,
    by = null,
    user = null,
  } = fields as unknown as NewEvent;
  const { why = '', token = null } = fields as { why?: string; token?: string };
  const at = toldLate(fieldOf(entry, 'at'), entryMs);
  return { ok: { event: { id, at, kind, server, host, by, user, why }, token } };
}

const checks: Record<Exclude<keyof FleetEvent, 'id' | 'at'> | 'token', Check> = {
  kind: (value) => EVENT_KINDS.some((kind) => kind === value),
  server: (value) => value === undefined || (typeof value === 'string' && isServerId(value)),
  host: isNameOrNone,
  by: isNameOrNone,
  user: isNameOrNone,
  why: (value) => value === undefined || isText(value),
  token: isTokenOrNone,
};

/** The last id in the stream of these; null where there are none. */
export function lastId(events: readonly FleetEvent[]): string | null {
  const ids = events.map(({ id }) => id);
  return ids.reduce<string | null>(
    (last, id) => (last === null || isAfter(id, last) ? id : last),
    null,
  );
}

function isAfter(id: string, other: string): boolean {
  const [ms = 0, seq = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherSeq = 0] = other.split('-').map(Number);
  return ms > otherMs || (ms === otherMs && seq > otherSeq);
}

function isNameOrNone(value: unknown): boolean {
  return value === undefined || isName(value);
}

function fieldOf(entry: unknown, field: string): unknown {
  if (!Array.isArray(entry)) return undefined;
  for (let at = 0; at + 1 < entry.length; at += 2) if (entry[at] === field) return entry[at + 1];
  return undefined;
}

// It cannot have happened after it was written.
function toldLate(text: unknown, entryMs: number): number {
  const at = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : entryMs;
  return Math.min(at, entryMs);
}

function cut(text: string, most: number): string {
  const clean = plain(text);
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}
