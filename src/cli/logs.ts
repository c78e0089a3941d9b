import type { Command } from 'commander';
import { defaults } from '../config.ts';
import { NothingError, UsageError } from '../errors.ts';
import type { LogLine, Wanted } from '../fleet/server-log.ts';
import type { Context } from './context.ts';
import { examples } from './examples.ts';
import { duration, ids, lines } from './values.ts';

interface Options {
  readonly follow?: boolean;
  readonly lines?: number;
  readonly since?: number;
  readonly json?: boolean;
}

const ALL_LINES = 1_000_000;

export function addLogs(program: Command, context: Context): void {
  program
    .command('logs')
    .description("print what this host's servers said, by time")
    .argument('[id...]', 'servers, by id (default: all of this host)', ids)
    .option('-f, --follow', 'go on with what they say from now on')
    .option(
      '-n, --lines <count>',
      `the last so many, of all together (default: ${defaults.logLines}; all with --since)`,
      lines,
    )
    .option('--since <time>', 'nothing older than this, such as 30s, 10m, 2h or 7d', duration)
    .option('--json', 'print an array of {id, at, line}')
    .addHelpText(
      'after',
      examples('meowctl logs', 'meowctl logs -f', 'meowctl logs k3x9ab --since 10m'),
    )
    .action((wanted: readonly string[], options: Options) => logs(context, wanted, options));
}

async function logs(context: Context, asked: readonly string[], options: Options): Promise<void> {
  if (options.follow && options.json) throw noEndNoArray();
  const { loggedIds } = await import('../fleet/server-log.ts');
  const { home } = context.config;
  const logged = loggedIds(home);
  const unknown = asked.find((id) => !logged.includes(id));
  if (unknown !== undefined) throw noLog(unknown);
  const chosen = asked.length > 0 ? [...new Set(asked)] : null;
  if (options.follow) return follow(context, chosen, options);
  await print(context, chosen ?? logged, options);
}

async function print(
  { config, output }: Context,
  chosen: readonly string[],
  options: Options,
): Promise<void> {
  const { lastLines, ServerLog } = await import('../fleet/server-log.ts');
  const logs = chosen.map((id) => new ServerLog(config.home, id, 'end'));
  const found = lastLines(logs, toWanted(options));
  for (const log of logs) log.close();
  if (options.json) return output.json(found);
  if (chosen.length === 0) return output.talk('no logs here: start a server with `meowctl spawn`');
  const write = await output.labelled();
  for (const line of found) write(line.id, text(line));
}

/** Until Ctrl-C, or until nobody reads it any more. */
async function follow(
  context: Context,
  chosen: readonly string[] | null,
  options: Options,
): Promise<void> {
  const { followLogs } = await import('../fleet/follow.ts');
  const { config, output } = context;
  const write = await output.labelled();
  const signal = context.interruption();
  for await (const batch of followLogs(config.home, {
    ids: chosen,
    signal,
    ...toWanted(options),
  })) {
    for (const line of batch) write(line.id, text(line));
    await output.flush();
    if (output.isUnread()) return;
  }
}

function toWanted({ lines: count, since }: Options): Wanted {
  if (since === undefined) return { count: count ?? defaults.logLines, since: null };
  return { count: count ?? ALL_LINES, since: new Date(Date.now() - since).toISOString() };
}

/** With the time of day; the date too when it was not today. */
function text({ at, line }: LogLine): string {
  const today = at.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return `${at.slice(today ? 11 : 5, 23).replace('T', ' ')} ${line}`;
}

function noLog(id: string): NothingError {
  return new NothingError(
    `no server ${id} has a log on this host`,
    'See `meowctl listservers`; a log is kept for 7 days after its server is gone',
  );
}

function noEndNoArray(): UsageError {
  return new UsageError(
    '--json with --follow: an array that never ends',
    'Leave one of them out: --follow prints plain lines into a pipe',
  );
}
