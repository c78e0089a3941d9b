const PROBE_EVERY_MS = 250;

interface Unanswered {
  /** Monotonic ms. */
  readonly sentAtMs: number;
  /** What had come when its time was up, bytes. */
  readonly received: number;
}

/**
 * What is known of the answers that one connection owes us. A Redis that has gone silent is asked at
 * most four times a second: a stopped one must not fill our memory with commands.
 */
export class Silence {
  readonly #silentMs: number;
  #first: Unanswered | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** @param silentMs after how long without a byte it counts as silent: two beats */
  constructor(silentMs: number) {
    this.#silentMs = silentMs;
  }

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
   * @param sentAtMs when it was sent, monotonic ms
   * @param received what has come on the connection so far, bytes
   * @returns whether that makes two of two beats, and no byte since the time of the first was up
   */
  lasts(sentAtMs: number, received: number): boolean {
    if (this.#first === null) this.#askedAtMs = performance.now();
    if (this.#first?.received !== received) this.#first = { sentAtMs, received };
    return sentAtMs - this.#first.sentAtMs >= this.#silentMs;
  }

  lasting(): boolean {
    return this.#first !== null;
  }
}
