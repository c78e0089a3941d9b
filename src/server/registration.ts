import { FailedError, isOutage } from '../errors.ts';
import { isMistake, troubleInWords, withoutRedis } from '../expected-errors.ts';
import { type Background, repeat } from '../loop.ts';
import type { BeatReply } from '../model/beat-reply.ts';
import type { ServerRecord } from '../model/server-record.ts';
import type { ServeDeps } from './options.ts';

export interface BeatLimits {
  readonly beatMs: number;
  /** A beat comes this share earlier or later. */
  readonly beatJitter: number;
}

export interface RegistrationDeps
  extends Pick<ServeDeps, 'store' | 'ownDesired' | 'onRegister' | 'log'> {
  readonly id: string;
  /** The id of the server, gone by now, whose place it takes. */
  readonly replaces: string | null;
  /** What the server says of itself now. */
  record(): ServerRecord;
  /** Comes before every beat. */
  measure(): void;
  /** Comes with every beat. */
  onBeat(): Promise<void> | undefined;
  /** It was ordered to leave. */
  onOrder(drainMs: number): void;
}

/** A server's place in Redis, and in the state folder's list: taken, kept by heartbeats, given up. */
export class Registration {
  readonly #deps: RegistrationDeps;
  readonly #limits: BeatLimits;
  #beats: Background | null = null;
  #unwatch = () => {};
  readonly #said = new Set<string>();

  constructor(deps: RegistrationDeps, limits: BeatLimits) {
    this.#deps = deps;
    this.#limits = limits;
  }

  /** @throws FailedError when the server whose place it takes is not wanted any more */
  async register(): Promise<void> {
    const { store, ownDesired, onRegister, record, replaces } = this.#deps;
    onRegister?.();
    if (ownDesired === null) return store.registry.register(record(), null);
    if (!(await ownDesired.register(record()))) throw noLongerDesired(replaces);
    if (replaces !== null) await this.#beat().catch(withoutRedis(null));
  }

  /** Beats until `stop`, also while the server leaves: the door must not take it for dead. */
  start(): void {
    const { store, log, id, onBeat } = this.#deps;
    this.#beats = repeat({
      name: 'beat',
      every: () => nextBeatMs(this.#limits),
      work: async () => {
        await this.#beat();
        await onBeat();
      },
      log,
      isTold: isOutage,
    });
    this.#unwatch = store.registry.watch((changed) => {
      if (changed === id || changed === null) this.soon();
    });
  }

  /** Something has changed that Redis should know of before the next beat. */
  soon(): void {
    this.#beats?.soon();
  }

  /** Beats at once. What is wrong with Redis the next beats find too, and say: null then. */
  readonly look = (): Promise<BeatReply | null> =>
    this.#beat()
      .catch(withoutRedis(null))
      .catch((error: unknown) => this.#tell(error));

  /** It did not get as far as registering. */
  abandon(): void {
    this.#inFolder(() => this.#deps.ownDesired?.drop());
  }

  /**
   * @param killedAfterMs after how long its app had to be killed; null when it ended by itself
   * @param why for its event
   */
  async end(how: 'left' | 'died', killedAfterMs: number | null, why: string): Promise<void> {
    const { store, ownDesired, log, id } = this.#deps;
    this.#unwatch();
    await this.#beats?.stop();
    const kept = how === 'left' ? this.#inFolder(() => ownDesired?.stop() ?? null) : null;
    try {
      const ordered = await store.registry.deregister(id, kept, killedAfterMs, why);
      if (ordered) this.#inFolder(() => ownDesired?.drop());
    } catch (error) {
      log(troubleInWords(error)); // whatever it is, this server has left
    }
  }

  async #beat(): Promise<BeatReply> {
    const { store, ownDesired, measure, record } = this.#deps;
    measure();
    const now = record();
    const desired = now.state === 'draining' ? null : (ownDesired?.current() ?? null);
    const reply = await store.registry.beat(now, desired);
    this.#obey(reply);
    return reply;
  }

  #obey({ order, registry }: BeatReply): void {
    const { ownDesired, onOrder } = this.#deps;
    if (order) {
      this.#inFolder(() => ownDesired?.drop());
      onOrder(order.drainMs);
    } else if (this.#inFolder(() => ownDesired?.follow(registry))) void this.look();
  }

  // A bug cuts no request that is still being served: it is said, once, and it leaves.
  #tell(error: unknown): null {
    const line = `beat: ${troubleInWords(error)}`;
    if (!this.#said.has(line)) this.#deps.log(line);
    this.#said.add(line);
    return null;
  }

  // What cannot be kept is said; it is no reason to end what serves.
  #inFolder<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      if (isMistake(error)) throw error;
      this.#deps.log(troubleInWords(error));
      return null;
    }
  }
}

function noLongerDesired(oldId: string | null): FailedError {
  const message = `server ${oldId} is no longer wanted, or has been replaced already`;
  return new FailedError('replaced', message, 'See `meowctl listservers`');
}

function nextBeatMs({ beatMs, beatJitter }: BeatLimits): number {
  return beatMs * (1 + beatJitter * (2 * Math.random() - 1));
}
