import { quantileMs } from './durations.ts';
import { MARK_LENGTH, MARKED, type Tally } from './tally.ts';

/** How fast it goes: over the last seconds, so that one slow second does not hide behind the next. */
export interface Rates {
  readonly rps: number;
  readonly errorsPerSecond: number;
  readonly retriesPerSecond: number;
  /** Null without a request. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** The last minute, oldest first, one value a second. */
  readonly history: { readonly rps: readonly number[]; readonly p99Ms: readonly (number | null)[] };
}

/** What was counted until then. */
interface Mark {
  readonly atMs: number;
  readonly counts: Float64Array;
}

const HISTORY = 60;
/** Seconds that the rates of now are taken over. */
const WINDOW = 5;
const SECOND_MS = 1_000;
const [HALF, NEARLY_ALL] = [0.5, 0.99];

/** The differences, a second each, of what is counted. Turns once a second for each server. */
export class Recent {
  readonly #marks: Mark[];
  readonly #rps: number[] = [];
  readonly #p99: (number | null)[] = [];

  /** Counting begins now. */
  constructor(tallies: Iterable<Tally>, atMs: number) {
    this.#marks = [markOf(tallies, atMs)];
  }

  turn(tallies: Iterable<Tally>, atMs: number): void {
    const mark = markOf(tallies, atMs);
    const before = this.#marks.at(-1) ?? mark;
    keep(this.#marks, mark, WINDOW + 1);
    keep(this.#rps, perSecond(before, mark, MARKED.requests), HISTORY);
    keep(this.#p99, quantileMs(stepsSince(before, mark), NEARLY_ALL), HISTORY);
  }

  rates(): Rates {
    const history = { rps: [...this.#rps], p99Ms: [...this.#p99] };
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last) return { ...idle, history };
    const steps = stepsSince(first, last);
    return {
      rps: perSecond(first, last, MARKED.requests),
      errorsPerSecond: perSecond(first, last, MARKED.errors),
      retriesPerSecond: perSecond(first, last, MARKED.retries),
      p50Ms: quantileMs(steps, HALF),
      p99Ms: quantileMs(steps, NEARLY_ALL),
      history,
    };
  }
}

const idle = { rps: 0, errorsPerSecond: 0, retriesPerSecond: 0, p50Ms: null, p99Ms: null };

function markOf(tallies: Iterable<Tally>, atMs: number): Mark {
  const counts = new Float64Array(MARK_LENGTH);
  for (const tally of tallies) tally.mark(counts);
  return { atMs, counts };
}

function keep<Item>(list: Item[], item: Item, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}

// A timer may be late: what counts is how much time went by.
function perSecond(from: Mark, to: Mark, at: number): number {
  const ms = to.atMs - from.atMs;
  return ms > 0 ? (since(from, to, at) * SECOND_MS) / ms : 0;
}

function stepsSince(from: Mark, to: Mark): Float64Array {
  return to.counts.subarray(MARKED.steps).map((_, step) => since(from, to, MARKED.steps + step));
}

function since(from: Mark, to: Mark, at: number): number {
  return (to.counts[at] ?? 0) - (from.counts[at] ?? 0);
}
