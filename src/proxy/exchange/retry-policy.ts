import type { Failure } from '../upstream/failure.ts';

export type RetryMode = 'idempotent' | 'connect';

/** What the retry policy decides by. */
export interface RetryFacts {
  readonly failure: Failure;
  readonly method: string;
  readonly hasBody: boolean;
  /** Servers die of it. */
  readonly poison: boolean;
  /** Attempts so far, the failed one included. */
  readonly attempts: number;
  /** An attempt was repeated after it broke. */
  readonly repeated: boolean;
  /** Since the first attempt failed: time spent waiting on a hung server does not count. */
  readonly elapsedMs: number;
}

export interface RetryOptions {
  readonly retry: RetryMode;
  /** How many more attempts there may be after the first. */
  readonly retries: number;
  readonly retryWindowMs: number;
  readonly retryShare: number;
  readonly retryFloor: number;
}

// RFC 9110 §9.2.2. TRACE never gets this far.
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** How many requests may be sent again after they broke: a share of a second's requests, and a few. */
export class RetryBudget {
  readonly #options: Pick<RetryOptions, 'retryShare' | 'retryFloor'>;
  #requests = 0;
  #lastRequests = 0;
  #repeats = 0;

  constructor(options: Pick<RetryOptions, 'retryShare' | 'retryFloor'>) {
    this.#options = options;
  }

  count(requests: number): void {
    this.#requests += requests;
  }

  /** Begins a new second. */
  turn(): void {
    this.#lastRequests = this.#requests;
    this.#requests = 0;
    this.#repeats = 0;
  }

  /** @returns whether one more may be */
  spend(): boolean {
    const { retryShare, retryFloor } = this.#options;
    const base = Math.max(this.#lastRequests, this.#requests);
    if (this.#repeats >= Math.max(retryFloor, base * retryShare)) return false;
    this.#repeats += 1;
    return true;
  }
}

/** Decides whether a failed request goes to another server. Owns the retry budget of its process. */
export class RetryPolicy {
  readonly #options: RetryOptions;
  readonly #budget: RetryBudget;
  /** So far. */
  requests = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
    this.#budget = new RetryBudget(options);
  }

  /** Counts a request. */
  count(): void {
    this.requests += 1;
    this.#budget.count(1);
  }

  /** Begins a new second. */
  turn(): void {
    this.#budget.turn();
  }

  /** True: try another server. */
  allows(facts: RetryFacts): boolean {
    return this.decide(facts) ?? this.#budget.spend();
  }

  /** The first rule with an opinion decides; null: the budget has to say. */
  decide(facts: RetryFacts): boolean | null {
    for (const rule of this.#rules) {
      const decision = rule(facts);
      if (decision !== null) return decision;
    }
    return null;
  }

  readonly #rules: readonly ((facts: RetryFacts) => boolean | null)[] = [
    ({ attempts }) => (attempts > this.#options.retries ? false : null),
    ({ elapsedMs }) => (elapsedMs > this.#options.retryWindowMs ? false : null),
    // Nothing was sent, so nothing can have been done: any method. RFC 9110 §9.2.2, last but one
    // paragraph ("some means to detect that the original request was never applied").
    ({ failure }) => (failure === 'unconnected' ? true : null),
    ({ failure }) => (failure === 'broken' || failure === 'gone' ? null : false),
    ({ poison }) => (poison ? false : null),
    () => (this.#options.retry === 'connect' ? false : null),
    ({ method, hasBody }) => (IDEMPOTENT.has(method) && !hasBody ? null : false),
    // RFC 9110 §9.2.2: a client should not automatically retry a failed automatic retry.
    ({ repeated }) => (repeated ? false : null),
    // Once for each server that goes, which makes no storm.
    ({ failure }) => (failure === 'gone' ? true : null),
  ];
}
