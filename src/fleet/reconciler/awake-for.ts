import { defaults } from '../../defaults.ts';

/** A lease lasts longer than this after its last beat: what came more often than that missed none. */
const GAP_MS = defaults.leaseMs - defaults.beatMs;

/** Whether we have been awake, and Redis there, for long enough to judge other people's leases. */
export class AwakeFor {
  readonly #ms: number;
  #sinceMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Redis has just answered. */
  again(nowMs: number): void {
    if (nowMs - this.#lastMs > GAP_MS) this.#sinceMs = nowMs;
    this.#lastMs = nowMs;
  }

  longEnough(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= this.#ms;
  }
}
