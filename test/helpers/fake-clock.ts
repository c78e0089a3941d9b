import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/time/until.ts';

export interface FakeClock extends Clock {
  /** All pauses so far, ms. */
  readonly pauses: readonly number[];
}

/** A clock that goes on by its pauses alone. */
export function fakeClock(): FakeClock {
  let atMs = 0;
  const pauses: number[] = [];
  const pause = async (ms: number) => {
    pauses.push(ms);
    atMs += ms;
    await turn(); // an endless wait must not keep the test from its limit
  };
  return { nowMs: () => atMs, pause, pauses };
}
