import { isServerId } from '../ids.ts';
import {
  type Check,
  type Fields,
  isAmount,
  isCount,
  isHostIdOrNone,
  isName,
  isObject,
  isPid,
  isPort,
  isText,
  isTextOrNone,
  isTime,
  isWhole,
  known,
  MAX_DRAIN_MS,
  MAX_PATH,
  type Parsed,
  parseObject,
  wrongField,
} from './fields.ts';
import { isHealthPath } from './health-page.ts';
import type { Place } from './place.ts';

/** What a server says of itself. Written whole, by the server alone. */
export interface ServerRecord extends Place {
  readonly id: string;
  /** Where clients and doors reach it, `http://host:port`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Start time of that pid as the kernel tells it (clock ticks since boot on Linux). */
  readonly pidStart: string;
  readonly app: string;
  readonly version: string;
  readonly state: 'starting' | 'up' | 'draining';
  /** Unix milliseconds on the server's host: for people, never for decisions. */
  readonly startedAt: number;
  readonly requests: number;
  readonly inflight: number;
  /** Where it answers for its health, when that is not `/healthz`. */
  readonly health?: string;
  /**
   * Whoever connects may ask for its id before anything else, and should: the address may be another's by
   * now. Without it, it is older, or not of ours.
   */
  readonly provesId?: true;
  /** What its app does that it should not, such as answer its page of health with 500. */
  readonly failing?: string;
  /** How long its app has from SIGTERM to SIGKILL, when that is not the default. */
  readonly killMs?: number;
  /** The folder its app was found in at its start, every link resolved; not of the built-in app. */
  readonly folder?: string;
  /** The program it runs, and where that listens on loopback. */
  readonly program?: { readonly pid: number; readonly port: number };
  /** The program that it keeps going and that takes no requests; then no door sends it any. */
  readonly worker?: { readonly pid: number };
  /** How it was at its last beat. */
  readonly figures?: ServerFigures;
}

/** What a server uses, its program's process group where it has one; null where that cannot be told. */
export interface ServerFigures {
  /** Bytes in memory. */
  readonly rss: number | null;
  /** CPU time so far. */
  readonly cpuMs: number | null;
  /** Bytes of JavaScript objects; null of a program. */
  readonly heap: number | null;
  /** Delay of the event loop since the beat before, 99th percentile; null of a program. */
  readonly loopMs: number | null;
  /** How often it was started again after its end. */
  readonly restarts: number;
}

export type ServerState = ServerRecord['state'] | 'lost' | 'crashed' | 'stopped';

/** @param text what stands in Redis, or how many bytes that is where it is too long to be read */
export function parseRecord(id: string, text: unknown): Parsed<ServerRecord> {
  if (typeof text === 'number') return { problem: `a record of ${text} bytes` };
  const fields = parseObject(text);
  if (!fields) return { problem: 'not a JSON object' };
  if (!isServerId(id) || fields.id !== id) return { problem: 'its id is not a server id' };
  const wrong = wrongField(fields, checks);
  if (wrong) return { problem: `its ${wrong} is not valid` };
  const record = known(fields, checks) as ServerRecord;
  if (!pointsToPort(record.url, record.port)) return { problem: 'its url is not http://host:port' };
  return { ok: { ...asMeant(record), ...figuresIn(fields.figures) } };
}

/*
 * Doors older than `--no-http` send requests to whatever says `up`. So Redis holds the record of a
 * worker as `starting`, with a field that they do not know.
 */

export function toText(record: ServerRecord): string {
  const isHidden = record.worker !== undefined && record.state === 'up';
  return JSON.stringify(isHidden ? { ...record, state: 'starting' } : record);
}

/** The record as its server meant it. */
function asMeant(record: ServerRecord): ServerRecord {
  const isHidden = record.worker !== undefined && record.state === 'starting';
  return isHidden ? { ...record, state: 'up' } : record;
}

const checks: Record<Exclude<keyof ServerRecord, 'figures'>, Check> = {
  id: isName,
  url: isName,
  host: isName,
  hostId: isHostIdOrNone,
  bootId: isText,
  pidNs: isTextOrNone,
  port: isPort,
  pid: isPid,
  pidStart: isText,
  app: isName,
  version: isText,
  state: (value) => value === 'starting' || value === 'up' || value === 'draining',
  startedAt: isTime,
  requests: isCount,
  inflight: isCount,
  health: (value) => value === undefined || isHealthPath(value),
  provesId: (value) => value === undefined || value === true,
  failing: isTextOrNone,
  killMs: (value) => value === undefined || isWhole(value, 0, MAX_DRAIN_MS),
  folder: (value) => value === undefined || (typeof value === 'string' && value.length <= MAX_PATH),
  program: (value) => value === undefined || isProgram(value),
  worker: (value) => value === undefined || isPid((value as Fields | null)?.pid),
};

function isProgram(value: unknown): boolean {
  const { pid, port } = (value ?? {}) as Fields;
  return isPid(pid) && isPort(port);
}

// Figures that make no sense are no reason not to send it requests.
function figuresIn(value: unknown): Pick<ServerRecord, 'figures'> {
  if (!isObject(value)) return {};
  const { rss, cpuMs, heap, loopMs, restarts } = value;
  const areAmounts = [rss, cpuMs, heap, loopMs].every((one) => one === null || isAmount(one));
  if (!areAmounts || !isCount(restarts)) return {};
  return { figures: { rss, cpuMs, heap, loopMs, restarts } as ServerFigures };
}

function pointsToPort(text: string, port: number): boolean {
  const match = /^http:\/\/(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[2]) === port;
}
