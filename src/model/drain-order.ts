import { isCount, MAX_DRAIN_MS, parseObject } from './fields.ts';

/** Tells a server to leave, and how long it may take to finish what it has. */
export interface Order {
  readonly order: 'retire';
  readonly drainMs: number;
}

/** The order; null where there is none that we know. */
export function parseOrder(text: unknown): Order | null {
  const fields = parseObject(text);
  if (fields?.order !== 'retire') return null;
  const drainMs = fields.drainMs;
  if (!isCount(drainMs) || drainMs > MAX_DRAIN_MS) return null;
  return { order: 'retire', drainMs };
}

/** After how long a program had to be killed at its server's end; null where that is not what it says. */
export function parseKilled(text: unknown): number | null {
  const { killedAfterMs } = parseObject(text) ?? {};
  return isCount(killedAfterMs) ? killedAfterMs : null;
}
