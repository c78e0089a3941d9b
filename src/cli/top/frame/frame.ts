import type { FleetEvent } from '../../../model/event.ts';
import { eventInWords } from '../../../model/event-words.ts';
import type { ServerView } from '../../../model/overview.ts';
import { timeOfDay } from '../../../overview/units.ts';
import type { Line } from '../../progress/region.ts';
import type { SourcedOverview } from '../source/watch.ts';
import { type HeadingOptions, headingLines, oneLine } from './heading.ts';
import { helpLines } from './help.ts';
import { tableLines } from './table.ts';
import { pickedIn, serversIn, type View } from './view.ts';
import { wrap } from './wrap.ts';

export interface FrameOptions extends HeadingOptions {
  readonly rows: number;
  /** Unix ms. */
  readonly nowMs: number;
}

/** All that is shown. */
export interface Shown {
  readonly sourced: SourcedOverview;
  readonly view: View;
  /** Oldest first. */
  readonly events: readonly FleetEvent[];
  /** What is being done, and what came of it. */
  readonly changes: readonly Line[];
}

const MOST_EVENTS = 8;
const MOST_QUESTION = 6;
const FEWEST_SERVERS = 3;

/** As many lines as there are rows: what stands where. */
export function frameLines(shown: Shown, options: FrameOptions): Line[] {
  const { view } = shown;
  const bottom = bottomLines(shown, options);
  const room = Math.max(0, options.rows - bottom.length);
  const body =
    view.mode.kind === 'help' ? helpLines(options.letters) : mainLines(shown, options, room);
  const filled = body.slice(0, room);
  const blanks = Array.from({ length: room - filled.length }, (): Line => []);
  return [...filled, ...blanks, ...bottom];
}

function mainLines(shown: Shown, options: FrameOptions, room: number): Line[] {
  const { sourced, view, changes } = shown;
  const { width, letters, nowMs } = options;
  const servers = serversIn(sourced.overview, view);
  const picked = pickedIn(servers, view);
  const heading = headingLines(sourced, options);
  const about = aboutPicked(servers, picked, options);
  // The head of the table, and a blank line above it.
  const taken = heading.length + about.length + changes.length + 2;
  const left = Math.max(1, room - taken);
  const rows = Math.max(1, Math.min(servers.length, Math.max(FEWEST_SERVERS, left - MOST_EVENTS)));
  const table = {
    picked,
    sorting: view.sorting,
    width,
    rows: Math.min(rows, left),
    letters,
    nowMs,
  };
  const listed = servers.length > 0 ? tableLines(servers, table) : nobody(shown);
  const events = eventLines(shown, options).slice(-Math.max(0, left - table.rows - 1));
  return [
    ...heading,
    [],
    ...listed,
    ...about,
    ...(events.length > 0 ? [[], ...events] : []),
    ...changes,
  ];
}

function nobody({ sourced, view }: Shown): Line[] {
  const { overview } = sourced;
  if (overview.servers.length > 0)
    return [[{ text: `no server matches ${JSON.stringify(view.filter)}` }]];
  return [[{ text: 'no servers: s spawns one' }]];
}

/** What there is no column for: in one line, of the one that is picked. */
function aboutPicked(
  servers: readonly ServerView[],
  picked: string | null,
  options: FrameOptions,
): Line[] {
  const server = servers.find(({ id }) => id === picked);
  if (!server) return [];
  const { id, url, worker, app, host, here, reason, pid, restarts } = server;
  const why = reason === '' ? [] : [{ text: reason, tone: 'warn' as const }];
  const again = restarts ? [{ text: `started again ${restarts} times` }] : [];
  const where = [
    { text: worker ? 'takes no requests' : url },
    { text: app },
    { text: here ? `pid ${pid}` : `on ${host}, pid ${pid}` },
  ];
  return [oneLine([{ text: id, tone: 'head' }, ...why, ...where, ...again], options)];
}

function eventLines({ events, sourced }: Shown, { letters }: FrameOptions): Line[] {
  const here = sourced.overview.door.host;
  return events
    .slice(-MOST_EVENTS)
    .map((event) => [
      { text: `${timeOfDay(event.at)} `, tone: 'dim' },
      { text: letters.clean(eventInWords(event, here)) },
    ]);
}

const KEYS = ['? help', 'q quit', 's spawn', 'd destroy', 'r restart', '/ filter', '< > sort'];

function bottomLines({ view }: Shown, options: FrameOptions): Line[] {
  const { letters, width } = options;
  const { mode, filter } = view;
  if (mode.kind === 'filter')
    return [[{ text: `/${letters.clean(filter)}` }, { text: ' ', tone: 'picked' }]];
  if (mode.kind === 'question') {
    const { text, isHarsh } = mode.question;
    const lines = wrap(letters.clean(text), width, MOST_QUESTION, letters.signs.cut);
    const tone = isHarsh ? 'bad' : 'warn';
    return [
      ...lines.map((line): Line => [{ text: line }]),
      [{ text: 'y: do it   any other key: leave it', tone }],
    ];
  }
  const keys = KEYS.map((text) => ({ text, tone: 'dim' as const }));
  if (mode.kind === 'help') return [[{ text: 'any key: back', tone: 'dim' }]];
  return [
    oneLine(
      filter === '' ? keys : [{ text: `/${filter} (Esc: all)`, tone: 'warn' }, ...keys],
      options,
    ),
  ];
}
