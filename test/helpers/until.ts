import { setTimeout as pause } from 'node:timers/promises';

const MIN_STEP_MS = 40;
/** A look that is dear, such as a process, is made a quarter of the time at most. */
const PAUSE_PER_LOOK = 3;
// Far above what any wait takes: it ends a test that hangs, and says nothing of how fast it must be.
const BOUND_MS = 120_000;

/** Polls until `check` gives something other than false, null, undefined or 0; fails by name if it never does. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + BOUND_MS;
  for (;;) {
    const beganMs = performance.now();
    const value = await check();
    if (value !== false && value !== null && value !== undefined && value !== 0) {
      return value as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > end) throw new Error(`not within ${BOUND_MS / 1_000} s: ${what}`);
    await pause(Math.max(MIN_STEP_MS, PAUSE_PER_LOOK * (performance.now() - beganMs)));
  }
}
