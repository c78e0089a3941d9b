/*
 * Where an app answers for its health, and which answers say that it is well. Both are asked for with
 * flags and written into Redis, so both are checked wherever they are read.
 */

/** Status codes that mean it is well: from one to another, both included. */
export type StatusRange = readonly [from: number, to: number];

/** Plain paths only: a door asks for it at an address that it was told. */
export function isHealthPath(value: unknown): value is string {
  return typeof value === 'string' && /^\/[A-Za-z0-9._~/-]{0,200}$/.test(value);
}

/** What an answer's status can be, RFC 9110 §15: from 100 to 599. */
export function isStatusRange(value: unknown): value is StatusRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value;
  if (![from, to].every(Number.isInteger)) return false;
  return from >= 100 && from <= to && to <= 599;
}
