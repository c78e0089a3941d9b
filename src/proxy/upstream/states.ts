/*
 * The states of an upstream as one table, without side effects. An orderly leave is believed, a
 * vanishing is verified: only what the server itself says, failed connections and failed health
 * checks take it out, never Redis alone.
 */

/**
 * `healthy` and `suspect` get requests. The others do not: `draining` for good, `denied` for good (its
 * address), `starting` until it says that it is up, `unverified` until its lease runs or it passes one
 * health check, `conflict` (another record has its address) until it passes one, `failed` until it
 * passes several.
 */
export const STATES = [
  'healthy',
  'suspect',
  'draining',
  'denied',
  'starting',
  'unverified',
  'conflict',
  'failed',
] as const;
export type UpstreamState = (typeof STATES)[number];

/**
 * What happens to one. `leased` and `expired`: its record says `up`, its lease runs, or ran out.
 * `drains`: it says so. `vanished`: it has no record any more. `refused`: no connection could be made.
 * `resets`: several connections broke. `passed`: as many good health checks in a row as its state asks
 * for. `vacant`: nobody listens at its address. `failing`: as many bad health checks in a row as take
 * one out, or one that somebody else answered.
 */
export const EVENTS = [
  'leased',
  'expired',
  'drains',
  'vanished',
  'refused',
  'resets',
  'passed',
  'vacant',
  'failing',
] as const;
export type UpstreamEvent = (typeof EVENTS)[number];

/** `in`: into the rotation, healthy where its lease runs, else suspect. `gone`: out of the pool. */
export type Transition = UpstreamState | 'in' | 'gone';

type Row = Readonly<Partial<Record<UpstreamEvent, Transition>>>;

/** Whatever is not in a row changes nothing. */
const table: Readonly<Record<UpstreamState, Row>> = {
  healthy: {
    expired: 'suspect',
    drains: 'draining',
    vanished: 'suspect',
    refused: 'failed',
    resets: 'failed',
    vacant: 'failed',
    failing: 'failed',
  },
  suspect: {
    leased: 'in',
    drains: 'draining',
    refused: 'failed',
    resets: 'failed',
    failing: 'failed',
  },
  draining: { vanished: 'gone' },
  denied: { vanished: 'gone' },
  starting: {
    leased: 'in',
    expired: 'unverified',
    drains: 'draining',
    vanished: 'gone',
    passed: 'in',
  },
  unverified: { leased: 'in', drains: 'draining', vanished: 'gone', passed: 'in' },
  conflict: { drains: 'draining', vanished: 'gone', passed: 'in' },
  failed: { drains: 'draining', vanished: 'gone', passed: 'in' },
};

/** @returns where the event leads; null where it changes nothing */
export function transition(state: UpstreamState, event: UpstreamEvent): Transition | null {
  return table[state][event] ?? null;
}

export type PublicState = 'usable' | 'doubtful' | 'draining' | 'out';

/** As `ls`, the admin listener and the records of doors call it: the words of the first version. */
export function publicName(state: UpstreamState): PublicState {
  if (state === 'healthy') return 'usable';
  if (state === 'suspect') return 'doubtful';
  return state === 'draining' ? 'draining' : 'out';
}
