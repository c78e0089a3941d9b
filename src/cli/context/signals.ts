import { exitCodes } from '../../errors.ts';

/*
 * Which signals a verb hears, and what the first and the second of them do; docs/operations.md has the
 * table. The first one asks; the second one ends the verb at once with 130, unless it is a server,
 * which cuts what is left first (serve/leave-in-order.ts).
 */

const ASKS = {
  /** What a verb does and is not done with is given up, and the rest of it left in order. */
  interrupt: ['SIGINT', 'SIGTERM'],
  /** What runs until it is told to end does so: also where its terminal is closed. */
  stop: ['SIGINT', 'SIGTERM', 'SIGHUP'],
} as const;

/**
 * @param first at the first signal
 * @param second at each one after it: what has to be put right before the end, and then ends
 * @param hangUp at SIGHUP before that: true where it means something else than to end
 */
export function onSignal(
  proc: NodeJS.Process,
  ask: keyof typeof ASKS,
  first: (signal: NodeJS.Signals) => void,
  second: (signal: NodeJS.Signals) => void = () => proc.exit(exitCodes.interrupted),
  hangUp: () => boolean = () => false,
): void {
  let asked = false;
  const act = (signal: NodeJS.Signals) => {
    if (!asked && signal === 'SIGHUP' && hangUp()) return;
    if (asked) return second(signal);
    asked = true;
    first(signal);
  };
  for (const signal of ASKS[ask]) proc.on(signal, act);
}

/** Aborted by the first signal. */
export function signalled(
  proc: NodeJS.Process,
  ask: keyof typeof ASKS,
  first: () => void = () => {},
  hangUp: () => boolean = () => false,
): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    first();
    controller.abort();
  };
  onSignal(proc, ask, stop, undefined, hangUp);
  return controller.signal;
}

/** Resolves when it is aborted, or was. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
