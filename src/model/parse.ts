import { isHost, LAST_PORT } from '../address.ts';
import { isHostId, isServerId } from '../ids.ts';
import { catSpec, isHealthPath, parseSpec } from './app-spec.ts';
import { asMeant } from './place.ts';
import type { DoorRecord, DoorVerdict, Intent, Order, ServerRecord } from './records.ts';

/*
 * Somebody else can write into Redis. Each parser gives the thing, or in a few words why it is not
 * one; none throws.
 */

const REGISTRY = /^[A-Za-z0-9_-]{1,64}$/;
/** What ids, namespaces and signatures are made of: safe in a file's name too. */
const TOKEN = /^[A-Za-z0-9._-]{1,100}$/;
const MAX_TEXT = 300;
const MAX_PATH = 4_096;
const MAX_POISON = 20;
/** What a container runs is 1 there. */
const FIRST_PID = 1;
const MAX_DRAIN_MS = 24 * 3_600_000;

type Fields = Record<string, unknown>;

export function parseRecord(id: string, text: unknown): ServerRecord | string {
  if (typeof text === 'number') return `a record of ${text} bytes`;
  const fields = parseObject(text);
  if (!fields) return 'not a JSON object';
  if (!isServerId(id) || fields.id !== id) return 'its id is not a server id';
  const wrong = wrongField(fields, recordFields);
  if (wrong) return `its ${wrong} is not valid`;
  const record = fields as unknown as ServerRecord;
  if (!pointsToPort(record.url, record.port)) return 'its url is not http://host:port';
  const names = Object.keys(recordFields).filter((name) => fields[name] !== undefined);
  return asMeant(pick(record, names) as ServerRecord);
}

export function parseIntent(id: string, text: unknown): Intent | string {
  const fields = parseObject(text);
  if (!fields) return 'not a JSON object';
  if (!isServerId(id)) return 'its id is not a server id';
  if (fields.id !== undefined && fields.id !== id) return 'it was written for another id';
  const wrong = wrongField(fields, intentFields);
  if (wrong) return `its ${wrong} is not valid`;
  // Older than `--app`: it can only have been a cat.
  const spec = fields.spec === undefined ? catSpec : parseSpec(fields.spec);
  if (typeof spec === 'string') return `its app's ${spec} is not valid`;
  const names = Object.keys(intentFields).filter((name) => fields[name] !== undefined);
  return { ...(pick(fields, names) as Intent), spec };
}

export function parseDoor(id: string, text: unknown): DoorRecord | string {
  const fields = parseObject(text);
  if (!fields) return 'not a JSON object';
  const wrong = wrongField(fields, doorFields);
  if (fields.id !== id || wrong) return `its ${wrong ?? 'id'} is not valid`;
  const { poison: named, ...door } = fields as unknown as DoorRecord;
  const poison = Array.isArray(named) ? named.filter(isName).slice(0, MAX_POISON) : [];
  return { ...door, roster: verdicts(door.roster), ...(poison.length > 0 ? { poison } : {}) };
}

/** The id of a registry; null where there is none, or what stands there is not one. */
export function parseRegistryId(value: unknown): string | null {
  return typeof value === 'string' && REGISTRY.test(value) ? value : null;
}

/** After how long a program had to be killed; null where that is not what it says. */
export function parseKilled(text: unknown): number | null {
  const { killedAfterMs } = parseObject(text) ?? {};
  return isCount(killedAfterMs) ? killedAfterMs : null;
}

export function parseOrder(text: unknown): Order | null {
  const fields = parseObject(text);
  if (fields?.order !== 'retire') return null;
  const drainMs = fields.drainMs;
  if (!isCount(drainMs) || drainMs > MAX_DRAIN_MS) return null;
  return { order: 'retire', drainMs };
}

function parseObject(text: unknown): Fields | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
const isFolder: Check = (value) => typeof value === 'string' && value.length <= MAX_PATH;
const isName: Check = (value) => isText(value) && value !== '';
const isPort: Check = (value) => isWhole(value, 1, LAST_PORT);
const isPid: Check = (value) => isWhole(value, FIRST_PID, 2 ** 31);
// The reconciler asks there, and a server is told to listen there.
const isAddress: Check = (value) => typeof value === 'string' && isHost(value);
const isBoolean: Check = (value) => typeof value === 'boolean';
const isTime: Check = (value) => isWhole(value, 0, 8.64e15);

const isTextOrNone: Check = (value) => value === undefined || isText(value);
const isHostIdOrNone: Check = (value) =>
  value === undefined || (typeof value === 'string' && isHostId(value));

const recordFields: Record<keyof ServerRecord, Check> = {
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
  failing: isTextOrNone,
  killMs: (value) => value === undefined || isWhole(value, 0, MAX_DRAIN_MS),
  folder: (value) => value === undefined || isFolder(value),
  program: (value) => value === undefined || isProgram(value),
  worker: (value) => value === undefined || isPid((value as Fields | null)?.pid),
};

const isTokenOrNone: Check = (value) =>
  value === undefined || (typeof value === 'string' && TOKEN.test(value));

const intentFields: Record<Exclude<keyof Intent, 'spec'>, Check> = {
  id: isTokenOrNone,
  registry: isTokenOrNone,
  namespace: isTokenOrNone,
  seal: isTokenOrNone,
  app: isName,
  host: isName,
  hostId: isHostIdOrNone,
  bootId: isText,
  pidNs: isTextOrNone,
  pid: isPid,
  pidStart: isText,
  port: isPort,
  fixedPort: isBoolean,
  listenHost: isAddress,
  advertise: (value) => value === null || isAddress(value),
  restarts: (value) => value === undefined || isCount(value),
  ofUp: (value) => value === undefined || isBoolean(value),
  replaces: (value) => value === undefined || (typeof value === 'string' && isServerId(value)),
  state: (value) => value === 'wanted' || value === 'stopped' || value === 'crashed',
};

const doorFields: Record<'id' | 'url' | 'host' | 'pid', Check> = {
  id: isName,
  url: isName,
  host: isName,
  pid: isPid,
};

function wrongField(fields: Fields, checks: Record<string, Check>): string | undefined {
  return Object.keys(checks).find((name) => !checks[name]?.(fields[name]));
}

function isProgram(value: unknown): boolean {
  const { pid, port } = (value ?? {}) as Fields;
  return isPid(pid) && isPort(port);
}

function isCount(value: unknown): value is number {
  return isWhole(value, 0, Number.MAX_SAFE_INTEGER);
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

function pointsToPort(text: string, port: number): boolean {
  const match = /^http:\/\/(\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[2]) === port;
}

function verdicts(value: unknown): Record<string, DoorVerdict> {
  const roster: Record<string, DoorVerdict> = {};
  if (typeof value !== 'object' || value === null) return roster;
  for (const [id, verdict] of Object.entries(value as Fields)) {
    const { state, reason } = (verdict ?? {}) as Fields;
    if (isServerId(id) && isText(state) && isText(reason)) {
      roster[id] = { state: String(state), reason: String(reason) };
    }
  }
  return roster;
}

function pick(from: object, names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, (from as Fields)[name]]));
}
