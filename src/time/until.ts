import { setTimeout as pause } from 'node:timers/promises';

/** What decisions about time go by; tests hand in one of their own. */
export interface Clock {
  /** Monotonic. */
  nowMs(): number;
  pause(ms: number): Promise<void>;
}

export const monotonicClock: Clock = {
  nowMs: () => performance.now(),
  pause: (ms) => pause(ms),
};

export interface Polling {
  /** The pause before the next look; where pauses grow, by how many looks there were. */
  readonly everyMs: number | ((looks: number) => number);
  /** Once it is over there is one more look at most. */
  readonly withinMs: number;
  /** Aborted, it ends as at the limit, and without another look. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock;
}

/** Without a limit: then it ends with something, or never. */
export interface EndlessPolling extends Pick<Polling, 'everyMs' | 'clock'> {
  readonly withinMs?: never;
  readonly signal?: never;
}

type Nothing = false | null | undefined;

/**
 * Looks at once, and again and again, until `look` gives something other than false, null and
 * undefined.
 * @returns what it gave; null when it gave nothing in time
 */
export async function until<T>(
  look: () => T | Promise<T>,
  polling: EndlessPolling,
): Promise<Exclude<T, Nothing>>;
export async function until<T>(
  look: () => T | Promise<T>,
  polling: Polling,
): Promise<Exclude<T, Nothing> | null>;
export async function until<T>(
  look: () => T | Promise<T>,
  {
    everyMs,
    withinMs = Number.POSITIVE_INFINITY,
    signal,
    clock = monotonicClock,
  }: Polling | EndlessPolling,
): Promise<Exclude<T, Nothing> | null> {
  const endMs = clock.nowMs() + withinMs;
  for (let looks = 1; ; looks++) {
    const found = await look();
    if (isSomething(found)) return found;
    if (clock.nowMs() >= endMs || signal?.aborted) return null;
    await clock.pause(typeof everyMs === 'number' ? everyMs : everyMs(looks));
    if (signal?.aborted) return null;
  }
}

function isSomething<T>(found: T): found is Exclude<T, Nothing> {
  return found !== false && found !== null && found !== undefined;
}
