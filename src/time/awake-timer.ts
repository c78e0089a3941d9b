/** A timer this much too late shows that its process was stopped, or its loop blocked. */
const ASLEEP_MS = 300;
/** A timer may come this much too early: it counts whole milliseconds. */
const EARLY_MS = 1;

/**
 * Acts once this process has been awake for `ms`. One that slept has not waited: what it waits for
 * may have come meanwhile and only wants to be read, so it gets the same time once more.
 * @returns what cancels it
 */
export function afterAwake(ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout;
  let last: NodeJS.Immediate | undefined;
  let slept = false;
  const arm = (forMs: number): void => {
    const startMs = performance.now();
    timer = setTimeout(() => {
      const lateMs = performance.now() - startMs - forMs;
      // The loop reads its clock once a turn: a sleep before `arm` in the same turn counts as waited.
      if (lateMs < -EARLY_MS) return arm(-lateMs);
      if (lateMs > ASLEEP_MS && !slept) {
        slept = true;
        return arm(ms);
      }
      // What has come is read before this.
      last = setImmediate(act);
    }, forMs);
  };
  arm(ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(last);
  };
}

/**
 * Waits `ms` for a promise, not counting this process' own sleep.
 * @throws what `late` makes when the time is up first; the work goes on unheard
 */
export async function withinAwake<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let cancel = () => {};
  const limit = new Promise<never>((_, reject) => {
    cancel = afterAwake(ms, () => reject(late()));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
