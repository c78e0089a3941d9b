import type { Redis } from 'ioredis';
import { debug } from '../../debug.ts';
import { plain, reason } from '../../text.ts';

const FIRST_MS = 50;
const MOST_MS = 500;
/** So that a fleet that lost Redis in one moment does not come back in one. */
const JITTER = 0.2;

export interface ReconnectDeps {
  dial(): Promise<Redis>;
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
  /** Rises with each try that makes the ones before it void. */
  #turn = 0;

  /** @param mostMs between two tries, at most */
  constructor(deps: ReconnectDeps, mostMs = MOST_MS) {
    this.#deps = deps;
    this.#mostMs = mostMs;
  }

  start(tries = 0): void {
    if (this.#stopped) return;
    const delayMs = Math.min(FIRST_MS * 2 ** tries, this.#mostMs);
    const jittered = delayMs * (1 + JITTER * (2 * Math.random() - 1));
    const turn = this.#turn;
    this.#timer = setTimeout(() => void this.#try(tries, turn), jittered);
  }

  /** Tries at once: what is under way leads to where Redis is known to be no more. */
  hurry(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#turn += 1;
    void this.#try(0, this.#turn);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #try(tries: number, turn: number): Promise<void> {
    const isVoid = () => this.#stopped || turn !== this.#turn;
    try {
      const redis = await this.#deps.dial();
      if (isVoid()) redis.disconnect();
      else this.#deps.use(redis);
    } catch (cause) {
      if (isVoid()) return;
      debug.store?.(`could not connect, try ${tries + 1}: ${plain(reason(cause))}`);
      this.#deps.failed(cause);
      this.start(tries + 1);
    }
  }
}
