import { until } from '../../time/until.ts';
import type { Context, OpenStore } from '../context/context.ts';
import type { Line } from '../progress/region.ts';
import { headingLines } from './frame/heading.ts';
import { lettersFor } from './frame/letters.ts';
import { tableLines } from './frame/table.ts';
import { firstView, serversIn } from './frame/view.ts';
import type { SourcedOverview } from './source/watch.ts';
import { openForLook, watchFleet } from './watch-fleet.ts';

/** Rates of servers that count for themselves take two beats: then all is known that can be. */
const PATIENCE_MS = 6_000;
const LOOK_MS = 50;
/** Nobody cuts lines on a pipe. */
const WIDTH = 1_000;

/** The fleet at one moment, on stdout. */
export async function printSnapshot(context: Context, json: boolean): Promise<void> {
  const signal = context.interruption();
  const open = await openForLook(context, false);
  try {
    const { overview, by } = await lookOnce(context, open, signal);
    if (json) context.output.json(overview);
    else print(context, open, { overview, by });
  } finally {
    await open.store.close();
  }
}

async function lookOnce(
  context: Context,
  open: OpenStore,
  signal: AbortSignal,
): Promise<SourcedOverview> {
  let last: SourcedOverview | null = null;
  const watch = await watchFleet(context, open, (sourced) => {
    last = sourced;
  });
  try {
    await until(() => watch.isSettled(), { everyMs: LOOK_MS, withinMs: PATIENCE_MS, signal });
    if (!last) throw new Error('nothing was seen of the fleet');
    return last;
  } finally {
    await watch.stop();
  }
}

function print({ output, config }: Context, { store }: OpenStore, sourced: SourcedOverview): void {
  const letters = lettersFor(config.utf8);
  const options = { width: WIDTH, letters, redis: store.label, nowMs: Date.now() };
  const servers = serversIn(sourced.overview, firstView);
  const table = { ...options, picked: null, sorting: firstView.sorting, rows: servers.length };
  const lines = [...headingLines(sourced, options), [], ...tableLines(servers, table)];
  for (const line of lines) output.line(textOf(line));
  if (servers.length === 0) output.talk('no servers: start one with `meowctl spawn`');
}

function textOf(line: Line): string {
  return line
    .map(({ text }) => text)
    .join('')
    .trimEnd();
}
