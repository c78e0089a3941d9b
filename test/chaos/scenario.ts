import type { World } from './world.ts';

/** One fault, what is expected under it, and how that is tried. */
export interface Scenario {
  readonly fault: string;
  readonly expected: string;
  /** Short enough for every test run, and shown by none of its other tests. */
  readonly quick: boolean;
  /** Command line of the scenario's own Redis. */
  readonly redisArgs?: readonly string[];
  /**
   * Throws when the expectation is not met, or `Skipped`.
   * @returns what was measured, in a few words
   */
  run(world: World): Promise<string>;
}

/** This machine does not allow the fault: says what it lacks. */
export class Skipped extends Error {}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** A figure that is to be read, not asserted: on a busy machine it says nothing of meowctl. */
export function against(ms: number, limitMs: number): string {
  return ms <= limitMs ? seconds(ms) : `${seconds(ms)} (MISSED: at most ${seconds(limitMs)})`;
}
