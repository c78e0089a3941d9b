import type { MeowError } from '../../errors.ts';

/** Fails only through a bug. */
export type Leave = Promise<readonly MeowError[]>;

/** The old servers that finish their last requests while the next ones start. */
export class Leaving {
  readonly #most: number;
  readonly #told: (errors: readonly MeowError[]) => void;
  readonly #now = new Set<Promise<void>>();

  constructor(most: number, told: (errors: readonly MeowError[]) => void) {
    this.#most = most;
    this.#told = told;
  }

  add(leave: Leave): void {
    const gone = leave.then(this.#told).finally(() => this.#now.delete(gone));
    this.#now.add(gone);
  }

  /** Waits until another one may leave. */
  async room(): Promise<void> {
    while (this.#now.size >= this.#most) await Promise.race(this.#now);
  }

  async all(): Promise<void> {
    await Promise.all(this.#now);
  }
}
