import { MeowError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import type { Change, ChangeStep } from '../../model/change.ts';
import type { Steps } from '../../steps.ts';

/** How a verb tells what it does. */
export interface Progress {
  readonly steps: Steps;
  say(line: string): void;
  readonly signal: AbortSignal;
}

/** What came of it, in words, and what of it could not be done. */
export interface Outcome {
  readonly summary: string;
  readonly failed: readonly MeowError[];
}

export type Work = (progress: Progress) => Promise<Outcome>;

export interface RunDeps {
  /** Told whenever something about it is new. */
  onChange(change: Change): void;
  log(line: string): void;
  readonly signal: AbortSignal;
}

const MAX_NOTES = 100;
const MAX_FAILURES = 20;

/** One change, from its request to its end. */
export class RunningChange {
  change: Change;
  /** Resolves when it has said something of a server, or is over. */
  readonly begun: Promise<void>;
  readonly over: Promise<void>;
  /** Why it did nothing at all. */
  refusal: MeowError | null = null;
  readonly #deps: RunDeps;
  readonly #steps = new Map<string, ChangeStep>();
  #begin = () => {};

  constructor(change: Change, work: Work, deps: RunDeps) {
    this.change = change;
    this.#deps = deps;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.over = this.#go(work).finally(this.#begin);
  }

  async #go(work: Work): Promise<void> {
    const { signal } = this.#deps;
    try {
      const say = (line: string) => this.#note(line);
      const { summary, failed } = await work({ steps: this.#told(), say, signal });
      if (summary === '' && this.#steps.size === 0) this.refusal = failed[0] ?? null;
      this.#end(summary, failed);
    } catch (error) {
      if (error instanceof MeowError && this.#steps.size === 0) this.refusal = error;
      if (error instanceof MeowError) return this.#end('', [error]);
      this.#deps.log(`admin: ${troubleInWords(error)}`);
      this.#end('', [new MeowError('failed', 'this went wrong', 'See the log of the door', 1)]);
    }
  }

  #told(): Steps {
    return {
      now: (server, what) => this.#step({ server, state: 'now', what }),
      done: (server, what) => this.#step({ server, state: 'done', what }),
      failed: (server, { message }) => this.#step({ server, state: 'failed', what: message }),
    };
  }

  #step(step: ChangeStep): void {
    this.#steps.set(step.server, step);
    this.#set({ steps: [...this.#steps.values()] });
    this.#begin();
  }

  #note(line: string): void {
    if (this.change.notes.length < MAX_NOTES) this.#set({ notes: [...this.change.notes, line] });
  }

  #end(summary: string, failed: readonly MeowError[]): void {
    const told = failed.slice(0, MAX_FAILURES);
    const failures = told.map(({ message, remedy }) => ({ message, remedy }));
    const state = failed.length > 0 ? 'failed' : 'done';
    this.#set({ state, endedAt: Date.now(), summary, failures });
  }

  #set(news: Partial<Change>): void {
    this.change = { ...this.change, ...news };
    this.#deps.onChange(this.change);
  }
}
