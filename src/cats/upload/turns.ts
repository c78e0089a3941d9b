import { isOutage } from '../../errors.ts';

interface Waiting {
  go(): void;
  fail(error: unknown): void;
}

/** One at a time; who comes meanwhile waits. */
export class Turns {
  readonly #waiting: Waiting[] = [];
  #busy = false;

  take(): Promise<void> {
    if (this.#busy) return new Promise((go, fail) => this.#waiting.push({ go, fail }));
    this.#busy = true;
    return Promise.resolve();
  }

  /** Where Redis is away, those that wait would each wait as long as the one that has its turn. */
  fail(error: unknown): void {
    if (isOutage(error)) for (const { fail } of this.#waiting.splice(0)) fail(error);
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next) next.go();
    else this.#busy = false;
  }
}
