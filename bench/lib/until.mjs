import { setTimeout as pause } from 'node:timers/promises';

/**
 * Polls until `check` gives something other than false, null or undefined.
 * @template T
 * @param {string} what named in the error when the time is over
 * @param {() => T | Promise<T>} check
 * @returns {Promise<T>}
 */
export async function until(what, check, timeoutMs = 15_000, stepMs = 10) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await pause(stepMs);
  }
}
