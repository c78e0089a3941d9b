import { isOutage } from '../../errors.ts';
import { withoutRedis } from '../../expected-errors.ts';
import { type Background, repeat } from '../../loop.ts';

/** Where pictures come from. */
export interface PictureReturns {
  /** Puts back what was taken under each token. @returns for each whether anything was */
  putBackFor(tokens: readonly string[]): Promise<readonly boolean[]>;
}

export interface UndeliveredOptions {
  /** How long a server keeps what it has delivered through a door. */
  readonly retryWindowMs: number;
}

interface Due {
  nextMs: number;
  readonly untilMs: number;
}

/** The most that are kept; pictures of further requests are lost. */
const MAX_WAITING = 1_000;
const BATCH = 100;
/** By then a server may have taken a picture that it had not before. */
const AGAIN_MS = 500;
const IDLE_MS = 3_600_000;
const TAKES_PICTURE = /^\/meow\/?(?:\?|$)/i;

/** Whether a request may have taken a picture out of the queue. */
export function takesPicture(method: string, path: string): boolean {
  return method === 'GET' && TAKES_PICTURE.test(path);
}

/**
 * The requests for a picture whose client did not get it. The store is told in the background, and
 * again for as long as the server keeps the picture, as the server may only be about to take it. A
 * store that is away holds nothing up.
 */
export class UndeliveredPictures {
  readonly #returns: PictureReturns;
  readonly #options: UndeliveredOptions;
  readonly #due = new Map<string, Due>();
  readonly #rounds: Background;

  constructor(returns: PictureReturns, options: UndeliveredOptions, log: (line: string) => void) {
    this.#returns = returns;
    this.#options = options;
    this.#rounds = repeat({
      name: 'pictures',
      every: () => (this.#due.size > 0 ? AGAIN_MS : IDLE_MS),
      work: () => this.#ask(performance.now()),
      log,
      isTold: isOutage,
      unref: true,
    });
  }

  /** Never throws, never waits. */
  tell(token: string): void {
    if (this.#due.size >= MAX_WAITING) return;
    const nowMs = performance.now();
    this.#due.set(token, { nextMs: nowMs, untilMs: nowMs + this.#options.retryWindowMs });
    this.#rounds.soon();
  }

  /** Asks once more for all that is open, if the store can be reached. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#ask(Number.POSITIVE_INFINITY).catch(withoutRedis(null)); // no round comes after it
  }

  async #ask(nowMs: number): Promise<void> {
    const tokens = [...this.#due].filter(([, { nextMs }]) => nextMs <= nowMs).map(([id]) => id);
    for (let at = 0; at < tokens.length; at += BATCH) {
      const batch = tokens.slice(at, at + BATCH);
      for (const token of batch) this.#putOff(token, nowMs);
      const back = await this.#returns.putBackFor(batch);
      for (const [place, token] of batch.entries()) if (back[place]) this.#due.delete(token);
    }
  }

  #putOff(token: string, nowMs: number): void {
    const due = this.#due.get(token);
    if (!due) return;
    due.nextMs = nowMs + AGAIN_MS;
    if (due.untilMs < nowMs) this.#due.delete(token);
  }
}
