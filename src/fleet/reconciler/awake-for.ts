/** Whether we have been awake, and Redis there, for long enough to judge other people's leases. */
export class AwakeFor {
  readonly #leaseMs: number;
  /** A lease lasts longer than this after its last beat: what came more often than that missed none. */
  readonly #gapMs: number;
  #sinceMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor({ leaseMs, beatMs }: Readonly<Record<'leaseMs' | 'beatMs', number>>) {
    this.#leaseMs = leaseMs;
    this.#gapMs = leaseMs - beatMs;
  }

  /** Redis has just answered. */
  again(nowMs: number): void {
    if (nowMs - this.#lastMs > this.#gapMs) this.#sinceMs = nowMs;
    this.#lastMs = nowMs;
  }

  longEnough(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= this.#leaseMs;
  }
}
