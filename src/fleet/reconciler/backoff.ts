const SECOND_MS = 1_000;

type CrashLimit =
  | 'crashWindowMs'
  | 'deathsToCrash'
  | 'deathsToSlow'
  | 'longCrashWindowMs'
  | 'maxRestartMs'
  | 'restartMs';

/** Defaults of defaults.ts, under the same names. */
export type CrashSettings = Readonly<Record<CrashLimit, number>>;

interface Death {
  /** Monotonic. */
  readonly atMs: number;
  readonly atOnce: boolean;
}

/** Whether and when a server that died is started again. */
export interface RestartDecision {
  readonly next: 'again' | 'again-slowly' | 'crashed';
  /** How long until it is started again. */
  readonly delayMs: number;
  /** How many deaths brought it about. */
  readonly count: number;
}

/**
 * The deaths of one server and of those that took its place, one after the other: so one that dies
 * again and again is known for it, whatever its id is by then.
 */
export class CrashHistory {
  readonly #settings: CrashSettings;
  #deaths: readonly Death[] = [];

  constructor(settings: CrashSettings) {
    this.#settings = settings;
  }

  /**
   * @param wasWell it had served for a while
   * @param nowMs monotonic
   */
  add(wasWell: boolean, nowMs: number): RestartDecision {
    const { longCrashWindowMs, deathsToCrash, deathsToSlow, maxRestartMs } = this.#settings;
    const before = this.#since(nowMs - longCrashWindowMs);
    const lately = this.#lately(nowMs);
    const atOnce = lately.length === 0 && wasWell;
    this.#deaths = [...before, { atMs: nowMs, atOnce }];
    const count = lately.length + 1;
    if (count >= deathsToCrash) return { next: 'crashed', delayMs: 0, count };
    const all = this.#deaths.length;
    if (all > deathsToSlow) return { next: 'again-slowly', delayMs: maxRestartMs, count: all };
    return { next: 'again', delayMs: backOffMs(this.#lately(nowMs), this.#settings), count };
  }

  /** Whether none of them is worth remembering any more. */
  isOver(nowMs: number): boolean {
    return this.#since(nowMs - this.#settings.longCrashWindowMs).length === 0;
  }

  #lately(nowMs: number): readonly Death[] {
    return this.#since(nowMs - this.#settings.crashWindowMs);
  }

  #since(fromMs: number): readonly Death[] {
    return this.#deaths.filter(({ atMs }) => atMs >= fromMs);
  }
}

/** The first death of a server that had run well is no reason to wait. */
function backOffMs(deaths: readonly Death[], { restartMs, maxRestartMs }: CrashSettings): number {
  const counted = deaths.filter(({ atOnce }) => !atOnce).length;
  if (counted === 0) return 0;
  return Math.min(restartMs * 2 ** (counted - 1), maxRestartMs);
}

export function decisionInWords(
  { next, delayMs, count }: RestartDecision,
  id: string,
  port: number | null,
  { crashWindowMs, longCrashWindowMs }: CrashSettings,
): string {
  const kind = port === null ? 'worker' : 'server';
  if (next === 'crashed') {
    const often = oftenInWords({ count }, { crashWindowMs });
    return `${kind} ${id} ${often}: it is left alone until \`meowctl restart ${id}\``;
  }
  const minutes = longCrashWindowMs / (60 * SECOND_MS);
  const often = next === 'again' ? '' : `, ${count} times within ${minutes} minutes`;
  const when = delayMs === 0 ? 'at once' : `in ${delayMs / SECOND_MS} s`;
  const where = port === null ? '' : ` on port ${port}`;
  return `${kind} ${id}${where} died${often}; started again ${when}`;
}

/** Why a server is given up. */
export function oftenInWords(
  { count }: Pick<RestartDecision, 'count'>,
  { crashWindowMs }: Pick<CrashSettings, 'crashWindowMs'>,
): string {
  return `died ${count} times within ${crashWindowMs / SECOND_MS} s`;
}
