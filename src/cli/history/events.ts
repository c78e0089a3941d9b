import { hostname } from 'node:os';
import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { NothingError } from '../../errors.ts';
import { repeat } from '../../loop.ts';
import { type FleetEvent, lastId } from '../../model/event.ts';
import type { Store } from '../../store/store.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import { duration, lines, serverId } from '../flags/values.ts';
import { eventLine, saySkipped } from './print-events.ts';

interface Options {
  readonly follow?: boolean;
  readonly lines?: number;
  readonly since?: number;
  readonly utc?: boolean;
  readonly json?: boolean;
}

const ALL = 1_000_000;

export function addEvents(program: Command, context: Context): void {
  program
    .command('events')
    .description('print what happened in the fleet, who did it, and why')
    .argument('[id]', 'only what happened to this server', serverId)
    .option('-f, --follow', 'go on with what happens from now on')
    .option(
      '-n, --lines <count>',
      `the last so many (default: ${defaults.eventLines}; all with --since)`,
      lines,
    )
    .option('--since <time>', 'nothing older than this, such as 30s, 10m, 2h or 7d', duration)
    .option('--utc', 'times in UTC instead of local ones')
    .option('--json', 'print an array of events; with --follow one event a line')
    .addHelpText(
      'after',
      examples('meowctl events', 'meowctl events -f', 'meowctl events k3x9ab --since 10m'),
    )
    .action((id: string | undefined, options: Options) => events(context, id, options));
}

async function events(context: Context, server: string | undefined, options: Options) {
  // From the start: what is printed first must not be the sign that it may be interrupted.
  if (options.follow) context.interruption();
  await context.withStore(async ({ store }) => {
    const found = await store.events.read({
      server,
      ...wanted(options),
      onSkipped: saySkipped(context.output),
    });
    if (options.follow) return follow(context, store, server, found, options);
    if (options.json) return context.output.json(found);
    if (found.length === 0 && options.lines !== 0) return sayNothing(context, server, options);
    print(context, found, options);
  });
}

function wanted({ lines: count, since }: Options) {
  if (since === undefined) return { limit: count ?? defaults.eventLines };
  return { since: Date.now() - since, limit: count ?? ALL };
}

/** Until Ctrl-C, or until nobody reads it any more. */
async function follow(
  context: Context,
  store: Store,
  server: string | undefined,
  before: readonly FleetEvent[],
  options: Options,
): Promise<void> {
  const { output } = context;
  const unread = new AbortController();
  print(context, before, options);
  // Nothing more may happen for hours.
  const looking = repeat({
    name: 'looking for its reader',
    every: () => defaults.logPollMs,
    work: async () => void (output.isUnread() && unread.abort()),
    log: output.talk,
    unref: true,
  });
  const following = store.events.follow(
    lastId(before),
    (came) => {
      const asked = came.filter((event) => server === undefined || event.server === server);
      print(context, asked, options);
    },
    AbortSignal.any([context.interruption(), unread.signal]),
    {
      say: (line) => output.talk(`meowctl: ${line}`),
      onSkipped: saySkipped(context.output),
    },
  );
  await following.finally(() => looking.stop());
}

function print({ output }: Context, found: readonly FleetEvent[], options: Options): void {
  for (const event of found) {
    if (options.json) output.json(event);
    else output.line(eventLine(event, { ...options, here: hostname() }));
  }
}

function sayNothing({ output }: Context, server: string | undefined, { since }: Options): void {
  const lately = since === undefined ? '' : ' in that time';
  if (server === undefined) {
    const until = since === undefined ? ' yet: start a server with `meowctl spawn`' : lately;
    return output.talk(`no events${until}`);
  }
  throw new NothingError(
    `no events of server ${server}${lately}`,
    'See `meowctl events`: the last 1,000 or so of the fleet are kept',
  );
}
