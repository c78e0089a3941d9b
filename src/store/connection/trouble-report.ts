import type { StoreError } from '../../errors.ts';

const SAY_EVERY_MS = 1_000;

export interface TroubleReport {
  /** It is wrong, or still is. */
  trouble(error: StoreError): void;
  well(): void;
}

export interface Telling {
  /** The line when it begins. */
  begins(error: StoreError): string;
  /** The line when it is over. */
  over(): string;
  say(line: string): void;
  /** Whether this process has just slept: then it waits a moment whether there is anything to tell. */
  slept?(): boolean;
}

/**
 * One line when something goes wrong with Redis and one when it is over, at most one line a second:
 * what was over before a second line might be said is not told. An outage that turns into a refusal
 * is told, for that asks for something else of whoever reads it.
 */
export function createTroubleReport(telling: Telling): TroubleReport {
  const { begins, over, say, slept = () => false } = telling;
  let told: StoreError['kind'] | null = null;
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    trouble(error) {
      if (error.kind === told) return;
      if (performance.now() - saidAt < SAY_EVERY_MS || slept()) return;
      told = error.kind;
      saidAt = performance.now();
      say(begins(error));
    },
    well() {
      if (told === null) return;
      told = null;
      saidAt = performance.now();
      say(over());
    },
  };
}
