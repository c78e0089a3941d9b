const LOOK_MS = 500;
/** A look this much too late shows that the process was stopped, the machine suspended, or the loop blocked. */
const ASLEEP_MS = 300;
/** What came while it slept is found out, and put right, in the first moments after. */
const DROWSY_MS = 1_000;

export interface SleepWatch {
  /** Whether this process slept until just now. */
  slept(): boolean;
  stop(): void;
}

/**
 * Knows when this process slept. By the host's clock, which goes on in a suspended machine as the
 * monotonic one does not; it decides about nothing but whether a line is worth saying. An interval of
 * its own, for what it measures is how late that is.
 */
export function watchSleep(): SleepWatch {
  let lookedAt = Date.now();
  let wokeAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    const now = Date.now();
    if (now - lookedAt > LOOK_MS + ASLEEP_MS) wokeAt = now;
    lookedAt = now;
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    slept() {
      look();
      const sinceMs = Date.now() - wokeAt;
      return sinceMs >= 0 && sinceMs < DROWSY_MS;
    },
    stop: () => clearInterval(timer),
  };
}
