import type { Redis } from 'ioredis';
import { debug } from '../../debug.ts';
import type { StoreError } from '../../errors.ts';
import { plain } from '../../text.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { nodeOf, received } from './client.ts';
import { Silence } from './silence.ts';
import { isTrouble, storeError } from './trouble.ts';

// In the client's own words: it has a limit too, see client.ts.
const TIMED_OUT = 'Command timed out';

/** The way to Redis as the rest of the room uses it. */
export interface Link {
  readonly label: string;
  /**
   * Runs one command or script.
   * @throws StoreError for whatever Redis said or the way to it did; what is wrong with us, as it is
   */
  run<T>(send: (redis: Redis) => Promise<T>): Promise<T>;
  /** Tells of the present connection at once, and of each that takes its place. */
  onConnection(listener: (redis: Redis) => void): () => void;
}

export interface CommandLimits {
  readonly commandMs: number;
  /** Between the first and the last of the commands that show a silent Redis. */
  readonly silentMs: number;
}

/** Told of all that the connection of the moment goes through. */
export interface ConnectionWatch {
  /** The connection broke. */
  lost(why: StoreError): void;
  /** Two beats long no byte has come on it. */
  silent(): void;
  /** A command failed. */
  failed(error: StoreError): void;
  /** A command was answered as it should be. */
  well(): void;
}

/** Commands over the connection of the moment; who sees to it that there is one watches it. */
export class CurrentConnection implements Link {
  readonly label: string;
  readonly #follows: boolean;
  readonly #limits: CommandLimits;
  readonly #watch: ConnectionWatch;
  readonly #listeners = new Set<(redis: Redis) => void>();
  #redis: Redis | null = null;
  #silence: Silence;
  #away: StoreError;

  /** @param way its name, and whether another connection may lead to another node */
  constructor(
    { label, follows }: { readonly label: string; readonly follows: boolean },
    limits: CommandLimits,
    watch: ConnectionWatch,
  ) {
    this.label = label;
    this.#follows = follows;
    this.#limits = limits;
    this.#silence = new Silence(limits.silentMs);
    this.#watch = watch;
    this.#away = storeError(label, new Error('Connection is closed.'));
  }

  async run<T>(send: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = this.#redis;
    const silence = this.#silence;
    if (!redis) throw this.#away;
    if (!silence.mayAsk()) throw this.#error(timedOut());
    const sentAtMs = performance.now();
    try {
      const reply = await withinAwake(send(redis), this.#limits.commandMs, timedOut);
      silence.ended();
      if (redis === this.#redis) this.#watch.well();
      return reply;
    } catch (cause) {
      if (!isTrouble(cause)) throw cause;
      const late = cause instanceof Error && cause.message === TIMED_OUT;
      if (!late) silence.ended();
      const lasts = late && silence.lasts(sentAtMs, received(redis));
      const error = this.#error(cause);
      debug.store?.(`failed: ${commandOf(cause)}: ${plain(error.message)}`);
      this.#failed(redis, error, lasts);
      throw error;
    }
  }

  onConnection(listener: (redis: Redis) => void): () => void {
    this.#listeners.add(listener);
    if (this.#redis) listener(this.#redis);
    return () => this.#listeners.delete(listener);
  }

  /** From now on commands go here. What has no answer yet on the one before gets none. */
  use(redis: Redis): void {
    this.detach()?.disconnect();
    this.#redis = redis;
    this.#silence = new Silence(this.#limits.silentMs);
    let cause: unknown = new Error('Connection is closed.');
    redis.on('error', (error) => {
      cause = error;
    });
    redis.once('close', () => this.#lost(redis, cause));
    if (redis.status !== 'ready') return this.#lost(redis, cause);
    debug.store?.(`connected to ${this.label}${this.#follows ? `, ${nodeOf(redis)}` : ''}`);
    for (const listener of this.#listeners) listener(redis);
  }

  /** No more commands go over it, and its end is no news. */
  detach(): Redis | null {
    const redis = this.#redis;
    this.#redis = null;
    return redis;
  }

  /** It leads to the wrong node: what has no answer yet gets none, and the next one is to be made. */
  giveUp(why: StoreError): void {
    const redis = this.detach();
    if (!redis) return;
    redis.disconnect();
    this.#goes(why);
  }

  /** The connection of the moment, if there is one. */
  current(): Redis | null {
    return this.#redis;
  }

  /** Whether the last command got no answer in time. */
  silent(): boolean {
    return this.#silence.lasting();
  }

  /** What commands are told while there is no connection. */
  stayAway(why: StoreError): void {
    this.#away = why;
  }

  #lost(redis: Redis, cause: unknown): void {
    if (redis !== this.#redis) return;
    this.#redis = null;
    this.#goes(this.#error(cause));
  }

  #goes(why: StoreError): void {
    this.#away = why;
    debug.store?.(`lost the connection: ${plain(why.message)}`);
    this.#watch.lost(why);
  }

  // What a connection that was given up leaves unanswered is no news.
  #failed(redis: Redis, error: StoreError, silent: boolean): void {
    if (redis !== this.#redis) return;
    this.#watch.failed(error);
    if (silent) this.#watch.silent();
  }

  #error(cause: unknown): StoreError {
    return storeError(this.label, cause, this.#follows);
  }
}

function timedOut(): Error {
  return new Error(TIMED_OUT);
}

/** What was asked, as ioredis keeps it with what Redis said; of a script its keys. */
function commandOf(cause: unknown): string {
  const { name, args = [] } =
    (cause as { command?: { name?: string; args?: string[] } }).command ?? {};
  if (name === undefined) return 'a command';
  const isScript = name === 'eval';
  const keys = isScript ? args.slice(2, 2 + Number(args[1])) : args.slice(0, 1);
  return [isScript ? 'script on' : name.toUpperCase(), ...keys].map(String).map(plain).join(' ');
}
