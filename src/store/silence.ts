import { defaults } from '../config.ts';

const PROBE_EVERY_MS = 250;

/** When a command was sent, monotonic ms, and what had come by then. */
export interface Sent {
  readonly atMs: number;
  readonly received: number;
}

/**
 * What is known of the answers that one connection owes us. A Redis that has gone silent is asked at
 * most four times a second: a stopped one must not fill our memory with commands.
 */
export class Silence {
  #first: Sent | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  mayAsk(): boolean {
    if (this.#first === null) return true;
    const now = performance.now();
    if (now - this.#askedAtMs < PROBE_EVERY_MS) return false;
    this.#askedAtMs = now;
    return true;
  }

  ended(): void {
    this.#first = null;
  }

  /**
   * One more command got no answer in time.
   * @returns whether that makes two of two beats, without a byte between them
   */
  lasts(sent: Sent, received: number): boolean {
    if (this.#first === null || this.#first.received !== received) {
      if (this.#first === null) this.#askedAtMs = performance.now();
      this.#first = sent;
    }
    const { atMs, received: before } = this.#first;
    const apartMs = defaults.beatMs * (1 - defaults.beatJitter);
    return before === received && sent.atMs - atMs >= apartMs;
  }

  lasting(): boolean {
    return this.#first !== null;
  }
}
