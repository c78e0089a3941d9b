import { bytes, count, many, milliseconds, rate, timeOfDay } from '../../../overview/units.ts';
import { textWidth } from '../../../text-width.ts';
import type { Cell } from '../../output/output.ts';
import type { Line } from '../../progress/region.ts';
import type { SourcedOverview } from '../source/watch.ts';
import type { Letters } from './letters.ts';
import { sparkline } from './sparkline.ts';

const GAP = '  ';
const GRAPH = 60;
const LEAST_GRAPH = 10;

export interface HeadingOptions {
  readonly width: number;
  readonly letters: Letters;
  /** `host:port` of Redis. */
  readonly redis: string;
}

/** Who tells, how Redis is, what there is in all, and how the last minute was. */
export function headingLines(sourced: SourcedOverview, options: HeadingOptions): Line[] {
  const lines = [
    oneLine([{ text: 'meowctl top', tone: 'head' }, ...whoTells(sourced, options)], options),
    oneLine(totalsIn(sourced), options),
    graphIn(sourced, options),
  ];
  return lines.filter((line) => line.length > 0);
}

/** As many of these as oneLine, the first of them whatever happens. */
export function oneLine(cells: readonly Cell[], { width, letters }: HeadingOptions): Line {
  const line: Cell[] = [];
  let left = width;
  for (const { text, ...rest } of cells) {
    const cell = { ...rest, text: letters.clean(text) };
    const gap = line.length > 0 ? GAP : '';
    left -= textWidth(gap) + textWidth(cell.text);
    if (line.length > 0 && left < 0) break;
    if (gap !== '') line.push({ text: gap });
    line.push(cell);
  }
  return line;
}

/** What is wrong comes first: on a narrow terminal the rest is cut off. */
function whoTells({ by, overview }: SourcedOverview, { redis: place }: HeadingOptions): Cell[] {
  const { redis, doors, door } = overview;
  const time: Cell = { text: timeOfDay(overview.at), tone: 'dim' };
  const since = redis.since === null ? '' : ` since ${timeOfDay(redis.since)}`;
  const away: Cell[] = redis.connected ? [] : [{ text: `Redis away${since}`, tone: 'bad' }];
  const others = doors.length - 1;
  const more = others > 0 ? ` and ${many(others, 'other')}` : '';
  const who: Cell =
    by === 'door'
      ? { text: `door ${door.url} (${door.id})${more}` }
      : { text: "no door: rates from the servers' own counts", tone: 'warn' };
  const latency = redis.latencyMs === null ? 'ok' : milliseconds(redis.latencyMs);
  const there = redis.connected ? [{ text: `Redis ${latency}` }, { text: `at ${place}` }] : [];
  return [time, ...away, who, ...there];
}

function totalsIn({ overview: { totals, queue }, by }: SourcedOverview): Cell[] {
  const areUp: Cell = {
    text: `${totals.up} of ${totals.servers} up`,
    tone: totals.servers > 0 && totals.up === totals.servers ? 'good' : 'warn',
  };
  const ofDoor = [
    { text: `p50 ${milliseconds(totals.p50Ms)}` },
    { text: `p99 ${milliseconds(totals.p99Ms)}` },
    paintedIf((totals.errorsPerSecond ?? 0) > 0, `${rate(totals.errorsPerSecond)} errors/s`),
    { text: `${count(totals.inflight)} open` },
    paintedIf((totals.retriesPerSecond ?? 0) > 0, `${rate(totals.retriesPerSecond)} retries/s`),
    { text: many(totals.webSockets ?? 0, 'WebSocket') },
    { text: many(totals.streams ?? 0, 'event stream') },
  ];
  const pictures = queue && { text: `${many(queue.pictures, 'picture')} ${bytes(queue.bytes)}` };
  return [
    areUp,
    { text: `${rate(totals.rps)} req/s` },
    ...(by === 'door' ? ofDoor : [{ text: `${count(totals.inflight)} open` }]),
    ...(pictures ? [pictures] : []),
  ];
}

function paintedIf(isBad: boolean, text: string): Cell {
  return isBad ? { text, tone: 'bad' } : { text };
}

function graphIn(
  { overview: { history } }: SourcedOverview,
  { width, letters }: HeadingOptions,
): Line {
  const top = Math.max(0, ...history.rps);
  const words = ` ${rate(top)} req/s at most in a minute`;
  const columns = Math.min(GRAPH, width - words.length);
  if (columns < LEAST_GRAPH || history.rps.length === 0) return [];
  const bars = sparkline(history.rps, columns, letters.bars);
  return [
    { text: bars, tone: 'good' },
    { text: letters.clean(words), tone: 'dim' },
  ];
}
