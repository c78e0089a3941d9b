import type { ServerView } from '../../../model/overview.ts';
import type { Sorting } from '../../../overview/sorting.ts';
import { stateInWords } from '../../../overview/state-words.ts';
import { bytes, milliseconds, rate, share, UNKNOWN } from '../../../overview/units.ts';
import { duration } from '../../../time/duration.ts';
import type { Cell } from '../../output/output.ts';
import { shortApp } from '../../output/rows.ts';
import type { Letters } from './letters.ts';
import { averages, sparkline } from './sparkline.ts';

/** A column of the table of servers. */
export interface Column {
  readonly head: string;
  /** What it is sorted by; null where it cannot be. */
  readonly by: Sorting['by'];
  readonly side: 'left' | 'right';
  /** Columns with the highest rank are left out first where there is no room. */
  readonly rank: number;
  /** What is wider is cut off. */
  readonly most: number;
  cell(server: ServerView, letters: Letters, nowMs: number): Cell;
}

/** A minute, in so many columns. */
const GRAPH = 10;
const SECONDS_PER_BAR = 6;
const WIDE = 40;
const NARROW = 24;

/** From left to right. */
export const columns: readonly Column[] = [
  column('ID', 'id', 0, ({ id }) => ({ text: id })),
  column('PORT', 'port', 2, ({ port, worker }) => ({ text: worker ? '-' : String(port) }), 'right'),
  column('STATE', 'state', 1, (server) => toned(stateInWords(server))),
  column('UPTIME', 'uptime', 9, uptime, 'right'),
  column('REQ/S', 'rps', 3, ({ rps }) => ({ text: rate(rps) }), 'right'),
  { ...column('MINUTE', null, 6, graph), most: GRAPH },
  column('P50', 'p50', 11, ({ p50Ms }) => ({ text: milliseconds(p50Ms) }), 'right'),
  column('P99', 'p99', 4, ({ p99Ms }) => ({ text: milliseconds(p99Ms) }), 'right'),
  column('5XX', 'errors', 5, errors, 'right'),
  column('OPEN', 'inflight', 10, ({ inflight }) => ({ text: String(inflight) }), 'right'),
  column('MEM', 'rss', 7, ({ rss }) => ({ text: bytes(rss) }), 'right'),
  column('CPU', 'cpu', 8, ({ cpu }) => ({ text: share(cpu) }), 'right'),
  { ...column('APP', 'app', 12, (server) => ({ text: shortApp(server) })), most: NARROW },
];

/** What may be sorted by, in the order that keys go through. */
export const sortKeys: readonly NonNullable<Sorting['by']>[] = columns.flatMap(
  ({ by }) => by ?? [],
);

function column(
  head: string,
  by: Sorting['by'],
  rank: number,
  cell: Column['cell'],
  side: Column['side'] = 'left',
): Column {
  return { head, by, side, rank, cell, most: WIDE };
}

function toned({ text, tone }: ReturnType<typeof stateInWords>): Cell {
  return tone === '' ? { text } : { text, tone };
}

function uptime({ startedAt }: ServerView, _letters: Letters, nowMs: number): Cell {
  return { text: startedAt === 0 ? '–' : duration(Math.max(0, nowMs - startedAt)) };
}

function errors({ errors, errorsPerSecond }: ServerView): Cell {
  const text = errors === null ? UNKNOWN : String(errors);
  return (errorsPerSecond ?? 0) > 0 ? { text, tone: 'bad' } : { text };
}

function graph({ history }: ServerView, { bars }: Letters): Cell {
  return { text: sparkline(averages(history, SECONDS_PER_BAR), GRAPH, bars), tone: 'dim' };
}
