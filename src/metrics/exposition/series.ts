import { plain } from '../../plain-text.ts';
import { BOUNDS_MS } from '../durations.ts';
import type { Counts } from '../tally.ts';

type Labels = Readonly<Record<string, string>>;

/** One line of what Prometheus reads. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
  /** Where it is not that of its series: the parts of a histogram. */
  readonly metricName?: string;
}

/** One metric with all its lines. Names and units as in prometheus.io/docs/practices/naming. */
export interface Series<Source> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  read(source: Source): readonly Sample[];
}

const MS_PER_SECOND = 1_000;

export function seconds(ms: number): number {
  return ms / MS_PER_SECOND;
}

/** One line without labels; none where nothing is known. */
export function one(value: number | null | undefined): Sample[] {
  return value == null ? [] : [{ value }];
}

/** A line for each of these, by what `label` tells them apart with. */
export function each(
  counts: Readonly<Record<string, number>>,
  label: string,
  more: Labels = {},
): Sample[] {
  return Object.entries(counts).map(([name, value]) => ({
    labels: { ...more, [label]: name },
    value,
  }));
}

/** Somebody else may have written it: it ends no line, and moves no cursor. */
export function cleaned(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, plain(text)]));
}

/** The lines of a histogram: steps that hold those before them, then sum and count. */
export function histogram(name: string, { steps, sumMs }: Counts, labels: Labels = {}): Sample[] {
  let below = 0;
  const buckets = Array.from(steps, (count, step) => {
    below += count;
    const bound = BOUNDS_MS[step];
    const le = bound === undefined ? '+Inf' : String(seconds(bound));
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seconds(sumMs) },
    { metricName: `${name}_count`, labels, value: below },
  ];
}
