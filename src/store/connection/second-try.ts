import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { received } from './client.ts';
import { isTrouble } from './trouble.ts';

const SILENT_JITTER = 0.5;
const REFUSED_FIRST_MS = 1_000;

export interface SecondTryDeps {
  /** @param needless aborted where nobody waits for it any more */
  dial(needless: AbortSignal): Promise<Redis>;
  /** Between two tries where the first one refuses, at most. */
  readonly mostMs: number;
  /** Between two tries where nothing comes back on the first one, ± 50 %. */
  readonly silentPauseMs: number;
  /** The connection that commands use now; null while there is none. */
  current(): Redis | null;
  /** From now on this one. */
  use(redis: Redis): void;
  /** Rejects unless Redis answers there. */
  answers(redis: Redis): Promise<unknown>;
  /** Rejects unless Redis takes a write there. */
  takesWrites(redis: Redis): Promise<unknown>;
  /** What was no answer of Redis and no trouble on the way to it. */
  mistaken(error: unknown): void;
}

/**
 * Tries a second connection beside one that is up and of no use, and lets it take the first one's
 * place only when it is better: a Redis that is merely slow, or read-only for good, keeps the first.
 */
export class SecondTry {
  readonly #deps: SecondTryDeps;
  #notBefore = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = REFUSED_FIRST_MS;
  #trying = false;
  #stopped = false;
  #dialing = new AbortController();

  constructor(deps: SecondTryDeps) {
    this.#deps = deps;
  }

  /** Nothing comes back: a try now and then, so that a fleet does not storm a Redis that is stopped. */
  silent(): void {
    const { current, answers, silentPauseMs } = this.#deps;
    const first = current();
    if (!first || this.#trying || this.#stopped || performance.now() < this.#notBefore) return;
    const jitter = 1 + SILENT_JITTER * (2 * Math.random() - 1);
    this.#notBefore = performance.now() + silentPauseMs * jitter;
    const had = received(first);
    const stillBad = () => received(first) === had;
    this.#replace(first, answers, stillBad).catch(this.#deps.mistaken);
  }

  /** It is the wrong server, or not ready: one try after 1 s, then after 2, 4 … `mostMs`. */
  refused(): void {
    if (this.#timer || this.#trying || this.#stopped) return;
    this.#timer = setTimeout(() => this.#seek().catch(this.#deps.mistaken), this.#delayMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#dialing.abort();
  }

  async #seek(): Promise<void> {
    const { current, takesWrites } = this.#deps;
    const first = current();
    const well = first !== null && (await holds(takesWrites(first)));
    const better = first && !well && (await this.#replace(first, takesWrites, () => true));
    this.#timer = undefined;
    this.#delayMs = Math.min(2 * this.#delayMs, this.#deps.mostMs);
    // Where there is no connection at all somebody else makes the next one.
    if (!first || well || better) this.#delayMs = REFUSED_FIRST_MS;
    else this.refused();
  }

  /** @returns whether the second one is used now */
  async #replace(
    first: Redis,
    proof: (redis: Redis) => Promise<unknown>,
    stillBad: () => boolean,
  ): Promise<boolean> {
    const { dial, current, use } = this.#deps;
    this.#trying = true;
    try {
      const second = await dial(this.#dialing.signal);
      const proven = await holds(proof(second));
      await turn(); // what has come on the first one meanwhile is read
      const better = proven && second.status === 'ready' && !this.#stopped;
      const isBetter = better && current() === first && stillBad();
      if (isBetter) this.#dialing = new AbortController(); // whoever uses it ends it
      if (isBetter) use(second);
      else second.disconnect();
      return isBetter;
    } catch (error) {
      return no(error); // no second one to be had: the first stays
    } finally {
      this.#trying = false;
    }
  }
}

function holds(proof: Promise<unknown>): Promise<boolean> {
  return proof.then(() => true, no);
}

function no(error: unknown): false {
  if (isTrouble(error)) return false;
  throw error;
}
