import { troubleInWords } from './expected-errors.ts';

/** Work that is done again and again for as long as a process lives. */
export interface BackgroundWork {
  /** Stands in front of what is said of its troubles. */
  readonly name: string;
  /** How long until the next round, ms, asked after each. `failed`: how many in a row, 0 after a good one. */
  readonly every: (failed: number) => number;
  work(): unknown;
  log(line: string): void;
  /** A failure that somebody else says already: the store does of a Redis that is away. */
  isTold?(error: unknown): boolean;
  /** For what must not keep its process alive. */
  readonly unref?: boolean;
}

export interface Background {
  /** A round now. What is asked for during one is done in one more. */
  soon(): void;
  /** No more rounds; waits for the one that is going on. */
  stop(): Promise<void>;
}

/** Different troubles told of one run of failed rounds: a text that is never the same must not fill a log. */
const MAX_TROUBLES = 20;

/**
 * The one owner of what goes on in the background: rounds never overlap, and none that fails, for
 * whatever reason, ends the process or is the last. Each trouble is one line when it begins, and one
 * line says that a round worked again. The first round comes after the first pause, or `soon`.
 */
export function repeat(options: BackgroundWork): Background {
  return new Rounds(options);
}

class Rounds implements Background {
  readonly #options: BackgroundWork;
  readonly #troubles = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | null = null;
  #again = false;
  #failed = 0;
  #stopped = false;

  constructor(options: BackgroundWork) {
    this.#options = options;
    this.#wait();
  }

  soon(): void {
    if (this.#stopped) return;
    if (this.#round) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#round = this.#go().finally(() => this.#next());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  #wait(): void {
    if (this.#stopped) return;
    const { every, unref = false } = this.#options;
    this.#timer = setTimeout(() => this.soon(), every(this.#failed));
    if (unref) this.#timer.unref();
  }

  async #go(): Promise<void> {
    try {
      await this.#options.work();
      this.#failed = 0;
      this.#tellItIsOver();
    } catch (error) {
      this.#failed++;
      this.#tell(error);
    }
  }

  #next(): void {
    this.#round = null;
    const again = this.#again;
    this.#again = false;
    if (again && !this.#stopped) setImmediate(() => this.soon());
    else this.#wait();
  }

  #tell(error: unknown): void {
    const { isTold, log, name } = this.#options;
    if (isTold?.(error)) return;
    const trouble = troubleInWords(error);
    if (this.#troubles.has(trouble) || this.#troubles.size >= MAX_TROUBLES) return;
    this.#troubles.add(trouble);
    log(`${name}: ${trouble}`);
  }

  #tellItIsOver(): void {
    if (this.#troubles.size === 0) return;
    this.#troubles.clear();
    this.#options.log(`${this.#options.name}: works again`);
  }
}
