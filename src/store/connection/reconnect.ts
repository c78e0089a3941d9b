import type { Redis } from 'ioredis';
import { debug } from '../../debug.ts';
import { plain, reason } from '../../text.ts';

const FIRST_MS = 50;
const MOST_MS = 500;
/** So that a fleet that lost Redis in one moment does not come back in one. */
const JITTER = 0.2;

export interface ReconnectDeps {
  /** @param needless aborted where nobody waits for it any more */
  dial(needless: AbortSignal): Promise<Redis>;
  /** It is there. */
  use(redis: Redis): void;
  /** The try did not work out; another one follows. */
  failed(cause: unknown): void;
}

/**
 * Makes a connection anew, after 50, 100 … 500 ms, for as long as it takes. Not by `repeat`: there are
 * rounds only while there is no connection, and its owner tells of each failure.
 */
export class Reconnect {
  readonly #deps: ReconnectDeps;
  readonly #mostMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Of the try that is under way: aborted it is void. */
  #dialing = new AbortController();

  /** @param mostMs between two tries, at most */
  constructor(deps: ReconnectDeps, mostMs = MOST_MS) {
    this.#deps = deps;
    this.#mostMs = mostMs;
  }

  start(tries = 0): void {
    if (this.#stopped) return;
    const delayMs = Math.min(FIRST_MS * 2 ** tries, this.#mostMs);
    const jittered = delayMs * (1 + JITTER * (2 * Math.random() - 1));
    this.#timer = setTimeout(() => void this.#try(tries), jittered);
  }

  /** Tries at once: what is under way leads to where Redis is known to be no more. */
  hurry(): void {
    if (this.#stopped) return;
    this.#leave();
    void this.#try(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#dialing.abort();
  }

  async #try(tries: number): Promise<void> {
    const dialing = new AbortController();
    this.#dialing = dialing;
    try {
      const redis = await this.#deps.dial(dialing.signal);
      if (dialing.signal.aborted) return redis.disconnect();
      this.#dialing = new AbortController(); // whoever uses it ends it
      this.#deps.use(redis);
    } catch (cause) {
      if (dialing.signal.aborted) return;
      debug.store?.(`could not connect, try ${tries + 1}: ${plain(reason(cause))}`);
      this.#deps.failed(cause);
      this.start(tries + 1);
    }
  }
}
