import { defaults } from '../config.ts';
import { toMeowError } from '../errors.ts';
import { type RedisStart, reviveLocalRedis } from './local-redis.ts';

const LOOK_MS = 1_000;

/** Starts the local Redis again when its process is gone: after 1 s; one that goes on dying, after 2, 4 … 30 s. */
export class RedisMinder {
  readonly #redis: RedisStart;
  readonly #log: (line: string) => void;
  #pauseMs = LOOK_MS;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(redis: RedisStart, log: (line: string) => void) {
    this.#redis = redis;
    this.#log = log;
    this.#wait();
  }

  /** What is being started is waited for: it stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#wait());
    }, this.#pauseMs);
  }

  async #look(): Promise<void> {
    try {
      const hadEnded = await reviveLocalRedis(this.#redis);
      if (hadEnded) this.#log('the local Redis had ended and was started again');
      this.#pauseMs = hadEnded ? this.#longer() : LOOK_MS;
    } catch (error) {
      const { message, remedy } = toMeowError(error);
      this.#pauseMs = this.#longer();
      this.#log(`${message}. ${remedy}`);
    }
  }

  #longer(): number {
    return Math.min(2 * this.#pauseMs, defaults.maxRestartMs);
  }
}
