import type { CrashHistory, RestartDecision } from './backoff.ts';

/** What is known of one server that is wanted here: whether and when it is started again. */
export class Case {
  readonly deaths: CrashHistory;
  /** It is being started just now. */
  starting = false;
  /** When it is started again; null while it lives, as far as we know. */
  #dueMs: number | null = null;
  #wasFoundDead = false;
  /** When to say that starting it would make one too many. */
  #sayDelayMs: number | null = null;

  /** @param deaths its own, and those of the servers whose place it took */
  constructor(deaths: CrashHistory) {
    this.deaths = deaths;
  }

  /** Whether its death has been noticed and not been answered yet. */
  isKnownDead(): boolean {
    return this.#dueMs !== null;
  }

  /** Whether its process was found dead once: what died later are starts in its place. */
  wasFoundDead(): boolean {
    return this.#wasFoundDead;
  }

  lives(): void {
    this.#dueMs = null;
  }

  /** @param nowMs monotonic, as in all that follows */
  died(wasWell: boolean, nowMs: number): RestartDecision {
    this.#wasFoundDead = true;
    const decision = this.deaths.add(wasWell, nowMs);
    if (decision.next !== 'crashed') this.#dueMs = nowMs + decision.delayMs;
    return decision;
  }

  isDue(nowMs: number): boolean {
    return this.#dueMs !== null && this.#dueMs <= nowMs;
  }

  /** Nothing is in its way. */
  mayStart(): void {
    this.#sayDelayMs = null;
  }

  /**
   * Starting it would make one too many.
   * @param afterMs what is on its way out may still be seen for so long
   * @returns whether to say so: once, and only when it lasts
   */
  isWorthTelling(nowMs: number, afterMs: number): boolean {
    this.#sayDelayMs ??= nowMs + afterMs;
    if (this.#sayDelayMs > nowMs) return false;
    this.#sayDelayMs = Number.POSITIVE_INFINITY;
    return true;
  }
}
