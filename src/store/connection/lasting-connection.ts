import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { watchSleep } from '../../time/sleep-watch.ts';
import { nodeOf, refusal } from './client.ts';
import { CurrentConnection } from './connection.ts';
import type { LinkOptions, Way } from './open.ts';
import { Reconnect } from './reconnect.ts';
import { SecondTry } from './second-try.ts';
import { isTrouble, movedTo, storeError } from './trouble.ts';
import { createTroubleReport, type TroubleReport } from './trouble-report.ts';

const CLOSE_MS = 1_000;
/** Between two tries for another server, at most: of one address, and of those whom others follow. */
const REFUSED_MOST_MS = 30_000;
const FOLLOW_MOST_MS = 5_000;
/** The same where nothing comes back: others may know already who has taken over. */
const SILENT_PAUSE_MS = 5_000;
const FOLLOW_PAUSE_MS = 1_000;
/** It is not, or not yet, the Redis to write to: another connection to the address may find that. */
const WRONG_SERVER = /READONLY|MASTERDOWN|NOAUTH|LOADING|CLUSTERDOWN/;
/** The same, for certain, where there is somebody to ask which it is. */
const MOVED = /^(MOVED|READONLY)\b/;

/**
 * Keeps a link going for as long as its process lives. A connection that broke is made anew; beside
 * one that is up and of no use a second one is tried. Both are said once when they begin and once
 * when they are over.
 */
export class LastingConnection {
  readonly link: CurrentConnection;
  readonly #way: Way;
  readonly #options: LinkOptions;
  readonly #sleep = watchSleep();
  readonly #report: TroubleReport;
  readonly #reconnect: Reconnect;
  readonly #second: SecondTry;
  readonly #unwatch: () => void;
  readonly #mistakes = new Set<string>();

  /** @param first a connection, or why there is none yet */
  constructor(way: Way, options: LinkOptions, first: Redis | StoreError) {
    const { label, follows } = way;
    this.#way = way;
    this.#options = options;
    this.#report = createTroubleReport({
      begins: ({ message }) => message,
      over: () => `Redis at ${label} is back`,
      say: options.say,
      slept: this.#sleep.slept,
    });
    this.link = new CurrentConnection(way, options, {
      lost: (error) => this.#lost(error),
      silent: () => this.#second.silent(),
      failed: (error) => this.#failed(error),
      well: this.#report.well,
    });
    this.#reconnect = new Reconnect({
      dial: way.dial,
      use: (fresh) => this.link.use(fresh),
      failed: (cause) => this.#stayedAway(cause),
    });
    this.#second = new SecondTry({
      dial: way.dial,
      mostMs: follows ? FOLLOW_MOST_MS : REFUSED_MOST_MS,
      silentPauseMs: follows ? FOLLOW_PAUSE_MS : SILENT_PAUSE_MS,
      current: () => this.link.current(),
      use: (fresh) => this.link.use(fresh),
      answers: (fresh) => this.#inTime(fresh.ping()),
      takesWrites: (fresh) => this.#inTime(options.takesWrites(fresh)),
      mistaken: (error) => this.#mistaken(error),
    });
    if (first instanceof StoreError) {
      this.link.stayAway(first);
      this.#lost(first);
    } else this.link.use(first);
    this.#unwatch = way.watch((to) => this.#moved(to), options.say);
  }

  /** What was sent without waiting gets a moment to arrive. */
  async close(): Promise<void> {
    this.#unwatch();
    for (const each of [this.#reconnect, this.#second, this.#sleep]) each.stop();
    const silent = this.link.silent();
    const redis = this.link.detach();
    if (!redis) return;
    if (!silent) await this.#inTime(redis.quit(), CLOSE_MS).catch((error) => this.#goes(error));
    // The client would wait for the close of a connection that has closed already.
    if (redis.status !== 'end') redis.disconnect();
  }

  #inTime<T>(work: Promise<T>, ms = this.#options.commandMs): Promise<T> {
    return withinAwake(work, ms, () => new Error('Command timed out'));
  }

  #lost(error: StoreError): void {
    this.#report.trouble(error);
    this.#reconnect.start();
  }

  #stayedAway(cause: unknown): void {
    if (!isTrouble(cause)) return this.#mistaken(cause);
    const error = storeError(this.#way.label, cause, this.#way.follows);
    this.link.stayAway(error);
    this.#report.trouble(error);
  }

  // It is on its way out: that Redis is gone before it is no news.
  #goes(error: unknown): void {
    if (!isTrouble(error)) throw error;
  }

  #mistaken(error: unknown): void {
    const line = `connection to Redis: ${troubleInWords(error)}`;
    if (!this.#mistakes.has(line)) this.#options.say(line);
    this.#mistakes.add(line);
  }

  // Who answers is there; what it refuses is told by whoever it was refused to.
  #failed(error: StoreError): void {
    if (error.kind === 'unavailable') this.#report.trouble(error);
    else this.#report.well();
    const said = refusal(error.cause) ?? '';
    if (this.#way.follows && MOVED.test(said)) this.link.giveUp(error);
    else if (WRONG_SERVER.test(said)) this.#second.refused();
  }

  // Each of those who watch says so: the first is believed, and the others find us there.
  #moved(to: string): void {
    const redis = this.link.current();
    if (!redis) return this.#reconnect.hurry();
    if (nodeOf(redis) !== to) this.link.giveUp(movedTo(this.#way.label, to));
  }
}
