import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { watchSleep } from '../../time/sleep-watch.ts';
import { openClient, refusal } from './client.ts';
import { CurrentConnection } from './connection.ts';
import type { LinkOptions } from './open.ts';
import { Reconnect } from './reconnect.ts';
import type { RedisAddress } from './redis-url.ts';
import { SecondTry } from './second-try.ts';
import { isTrouble, storeError } from './trouble.ts';
import { createTroubleReport, type TroubleReport } from './trouble-report.ts';

const CLOSE_MS = 1_000;
/** It is not, or not yet, the Redis to write to: another connection to the address may find that. */
const WRONG_SERVER = /READONLY|MASTERDOWN|NOAUTH|LOADING/;

/**
 * Keeps a link going for as long as its process lives. A connection that broke is made anew; beside
 * one that is up and of no use a second one is tried. Both are said once when they begin and once
 * when they are over.
 */
export class LastingConnection {
  readonly link: CurrentConnection;
  readonly #address: RedisAddress;
  readonly #options: LinkOptions;
  readonly #sleep = watchSleep();
  readonly #report: TroubleReport;
  readonly #reconnect: Reconnect;
  readonly #second: SecondTry;
  readonly #mistakes = new Set<string>();

  /** @param first a connection, or why there is none yet */
  constructor(address: RedisAddress, options: LinkOptions, first: Redis | StoreError) {
    const { label } = address;
    this.#address = address;
    this.#options = options;
    this.#report = createTroubleReport({
      begins: ({ message }) => message,
      over: () => `Redis at ${label} is back`,
      say: options.say,
      slept: this.#sleep.slept,
    });
    this.link = new CurrentConnection(label, options, {
      lost: (error) => this.#lost(error),
      silent: () => this.#second.silent(),
      failed: (error) => this.#failed(error),
      well: this.#report.well,
    });
    this.#reconnect = new Reconnect({
      dial: () => this.#dial(),
      use: (fresh) => this.link.use(fresh),
      failed: (cause) => this.#stayedAway(cause),
    });
    this.#second = new SecondTry({
      dial: () => this.#dial(),
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
  }

  /** What was sent without waiting gets a moment to arrive. */
  async close(): Promise<void> {
    for (const each of [this.#reconnect, this.#second, this.#sleep]) each.stop();
    const silent = this.link.silent();
    const redis = this.link.detach();
    if (!redis) return;
    if (!silent) await this.#inTime(redis.quit(), CLOSE_MS).catch((error) => this.#goes(error));
    // The client would wait for the close of a connection that has closed already.
    if (redis.status !== 'end') redis.disconnect();
  }

  #dial(): Promise<Redis> {
    return openClient(this.#address, this.#options.connectMs);
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
    const error = storeError(this.#address.label, cause);
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
    if (WRONG_SERVER.test(refusal(error.cause) ?? '')) this.#second.refused();
  }
}
