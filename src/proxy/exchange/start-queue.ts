import type { Socket } from 'node:net';

/** A request that waits for the first server. */
export interface Waiting {
  /** A server is there, or none is being started any more. */
  admit(): void;
  /** It has waited as long as a server may take to start. */
  dismiss(): void;
}

export interface StartQueueOptions {
  /** Servers are on their way of which the registry knows nothing yet. */
  readonly starting: boolean;
  /** How long one may take. */
  readonly readyTimeoutMs: number;
  /** The most that wait: the first server takes no more at once. */
  readonly maxInflight: number;
}

/** What the queue asks of the door's table. */
export interface Starters {
  routable(): readonly unknown[];
  /** Whether a server has said that it starts. */
  starting(): boolean;
}

/** Requests that came while no server could be used yet, but some were on their way. */
export class StartQueue {
  readonly #pool: Starters;
  readonly #options: StartQueueOptions;
  readonly #nowMs: () => number;
  /** Until when. */
  readonly #waiting = new Map<Waiting, number>();
  #starting: boolean;

  constructor(pool: Starters, options: StartQueueOptions, nowMs: () => number) {
    this.#pool = pool;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#starting = options.starting;
  }

  /** @returns false where there is nothing to wait for, or no room */
  enter(waiting: Waiting): boolean {
    const { maxInflight, readyTimeoutMs } = this.#options;
    if (!this.#starting && !this.#pool.starting()) return false;
    if (this.#pool.routable().length > 0 || this.#waiting.size >= maxInflight) return false;
    this.#waiting.set(waiting, this.#nowMs() + readyTimeoutMs);
    return true;
  }

  /** @returns whether it was waiting */
  leave(waiting: Waiting): boolean {
    return this.#waiting.delete(waiting);
  }

  /** Called a few times a second, and when the door has learnt something. */
  look(): void {
    if (this.#waiting.size === 0) return;
    const over = !this.#starting && !this.#pool.starting();
    if (over || this.#pool.routable().length > 0) return this.#admitAll();
    const nowMs = this.#nowMs();
    for (const [waiting, untilMs] of this.#waiting) {
      if (untilMs > nowMs) return; // the oldest come first
      this.#waiting.delete(waiting);
      waiting.dismiss();
    }
  }

  /** What was to start has started, or failed. */
  end(): void {
    this.#starting = false;
    this.look();
  }

  /** The door closes. */
  dismissAll(): void {
    this.#starting = false;
    const all = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const waiting of all) waiting.dismiss();
  }

  #admitAll(): void {
    const all = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const waiting of all) waiting.admit();
  }
}

/** Waits in the queue for a client that has no request to answer yet. @returns whether to go on */
export function untilStarted(queue: StartQueue, client: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (goOn: boolean) => {
      client.off('close', gone);
      resolve(goOn);
    };
    const waiting = { admit: () => settle(true), dismiss: () => settle(false) };
    const gone = () => {
      queue.leave(waiting);
      settle(false);
    };
    if (!queue.enter(waiting)) return resolve(false);
    client.once('close', gone);
  });
}
