/** How many may come at once, and how many a second after that. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

const SECOND_MS = 1_000;

/** What a client may do often, but not without end. */
export class Budget {
  readonly #rate: Rate;
  readonly #nowMs: () => number;
  #left: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
    this.#left = rate.burst;
    this.#atMs = nowMs();
  }

  /** @returns false where it is used up */
  spend(): boolean {
    const { burst, perSecond } = this.#rate;
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#atMs) / SECOND_MS) * perSecond;
    this.#left = Math.min(burst, this.#left + earned) - 1;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
