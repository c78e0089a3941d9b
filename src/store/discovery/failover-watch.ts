import type { Redis } from 'ioredis';
import { StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import { Reconnect } from '../connection/reconnect.ts';
import { type HostAndPort, nameOf } from '../connection/redis-address.ts';
import { createTroubleReport, type TroubleReport } from '../connection/trouble-report.ts';
import {
  askSentinel,
  enterSentinel,
  type SentinelNeeds,
  sentinelError,
  type Told,
} from './sentinel.ts';
import type { SentinelAddress } from './sentinels.ts';

const CHANNEL = '+switch-master';
const AGAIN_MOST_MS = 5_000;
/** A channel that is silent for months, through firewalls that forget. */
const KEEP_ALIVE_MS = 30_000;

export interface FailoverListener {
  /** @param to `host:port` of the primary now */
  moved(to: string): void;
  /** Whether that was so before what is known: who says it was cut off. */
  isOld(told: Told): boolean;
  say(line: string): void;
}

/**
 * Hears of failovers from every sentinel. After one that was asked for the old primary takes writes
 * for 10 s, which are then lost: its connections look well, so somebody has to say it.
 * What was said before a sentinel was listened to, it is asked for.
 * @returns stops
 */
export function watchFailovers(
  address: SentinelAddress,
  needs: SentinelNeeds,
  listener: FailoverListener,
): () => void {
  const watches = address.place.sentinels.map(
    (sentinel) => new SentinelWatch(address, sentinel, needs, listener),
  );
  return () => {
    for (const watch of watches) watch.stop();
  };
}

class SentinelWatch {
  readonly #address: SentinelAddress;
  readonly #sentinel: HostAndPort;
  readonly #needs: SentinelNeeds;
  readonly #listener: FailoverListener;
  readonly #report: TroubleReport;
  readonly #reconnect: Reconnect;
  #redis: Redis | null = null;

  constructor(
    address: SentinelAddress,
    sentinel: HostAndPort,
    needs: SentinelNeeds,
    listener: FailoverListener,
  ) {
    this.#address = address;
    this.#sentinel = sentinel;
    this.#needs = needs;
    this.#listener = listener;
    this.#report = createTroubleReport({
      begins: ({ kind, message, remedy }) =>
        kind === 'refused' ? `${message}; ${remedy}` : message,
      over: () => `Sentinel at ${nameOf(sentinel)} is back`,
      say: listener.say,
    });
    const dial = (needless: AbortSignal) => this.#dial(needless);
    const use = (redis: Redis) => this.#use(redis);
    const failed = (cause: unknown) => this.#failed(cause);
    this.#reconnect = new Reconnect({ dial, use, failed }, AGAIN_MOST_MS);
    this.#reconnect.start();
  }

  stop(): void {
    this.#reconnect.stop();
    this.#redis?.disconnect();
  }

  async #dial(needless: AbortSignal): Promise<Redis> {
    const redis = await enterSentinel(this.#address, this.#sentinel, this.#needs, needless);
    try {
      redis.on('message', (_, text: string) => this.#heard(text));
      const late = () => new Error('Command timed out');
      await withinAwake(redis.subscribe(CHANNEL), this.#needs.connectMs, late);
      redis.stream.setKeepAlive(true, KEEP_ALIVE_MS);
      const { master } = this.#address.place;
      const told = await askSentinel(redis, this.#sentinel, master, this.#needs);
      if (!this.#listener.isOld(told)) this.#listener.moved(nameOf(told));
      return redis;
    } catch (cause) {
      redis.disconnect();
      throw sentinelError(this.#sentinel, '', cause);
    }
  }

  #use(redis: Redis): void {
    this.#redis = redis;
    let ended = false;
    const goes = () => {
      if (ended) return;
      ended = true;
      this.#report.trouble(sentinelError(this.#sentinel, '', new Error('Connection is closed.')));
      this.#reconnect.start(1);
    };
    redis.once('close', goes);
    if (redis.status !== 'ready') return goes();
    this.#report.well();
  }

  #failed(cause: unknown): void {
    if (cause instanceof StoreError) this.#report.trouble(cause);
    else this.#listener.say(`sentinels: ${troubleInWords(cause)}`);
  }

  // `<name> <old host> <old port> <new host> <new port>`
  #heard(text: string): void {
    const [name, , , host = '', port] = text.split(' ');
    if (name !== this.#address.place.master) return;
    this.#listener.moved(nameOf({ host, port: Number(port) }));
  }
}
