import { isHost, LAST_PORT } from '../address.ts';
import { isHostId } from '../ids.ts';

/*
 * What the parsers of this room share. Somebody else can write into Redis and into the state folder:
 * each field is checked by itself, and no check throws.
 */

export type Fields = Record<string, unknown>;
export type Check = (value: unknown) => boolean;
/** What a parser gives: the thing, or in a few words why there is none. */
export type Parsed<T> = { readonly ok: T } | { readonly problem: string };

export const MAX_PATH = 4_096;
export const MAX_DRAIN_MS = 24 * 3_600_000;
const MAX_TEXT = 300;
const LAST_TIME = Date.UTC(9999, 11, 30);
/** What ids, namespaces and signatures are made of: safe in a file's name too. */
const TOKEN = /^[A-Za-z0-9._-]{1,100}$/;
/** What a container runs is 1 there. */
const FIRST_PID = 1;

export function parseObject(text: unknown): Fields | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The first field that does not pass its check. */
export function wrongField(fields: Fields, checks: Record<string, Check>): string | undefined {
  return Object.keys(checks).find((name) => !checks[name]?.(fields[name]));
}

/** The known ones of these fields, where they are there: what is not known is not passed on. */
export function known(fields: Fields, checks: Record<string, Check>): object {
  const names = Object.keys(checks).filter((name) => fields[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

export function isCount(value: unknown): value is number {
  return isWhole(value, 0, Number.MAX_SAFE_INTEGER);
}

/** Unix ms that every calendar here can show, in whatever zone. */
export function isTime(value: unknown): value is number {
  return isWhole(value, 0, LAST_TIME);
}

/** Whether it can be a measured value. */
export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

export const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
export const isName: Check = (value) => isText(value) && value !== '';
export const isTextOrNone: Check = (value) => value === undefined || isText(value);
export const isTokenOrNone: Check = (value) =>
  value === undefined || (typeof value === 'string' && TOKEN.test(value));
export const isHostIdOrNone: Check = (value) =>
  value === undefined || (typeof value === 'string' && isHostId(value));
export const isPort: Check = (value) => isWhole(value, 1, LAST_PORT);
export const isPid: Check = (value) => isWhole(value, FIRST_PID, 2 ** 31);
// The reconciler asks there, and a server is told to listen there.
export const isAddress: Check = (value) => typeof value === 'string' && isHost(value);
export const isBoolean: Check = (value) => typeof value === 'boolean';
