import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { NothingError, UsageError } from '../../errors.ts';
import type { LogStream } from '../../logs/files.ts';
import type { Reading } from '../../logs/reader.ts';
import type { LogLine, Selection } from '../../logs/server-log.ts';
import { quote } from '../../text.ts';
import { zonedTime } from '../../time/zoned-time.ts';
import type { Context } from '../context/context.ts';
import { choice } from '../flags/choice.ts';
import { examples } from '../flags/help.ts';
import { duration, ids, lines } from '../flags/values.ts';

interface Options {
  readonly follow?: boolean;
  readonly lines?: number;
  readonly since?: number;
  readonly stream?: LogStream;
  readonly utc?: boolean;
  readonly json?: boolean;
}

const ALL_LINES = 1_000_000;

const stream = choice(['stdout', 'stderr'], (text): LogStream => {
  if (text === 'stdout' || text === 'stderr') return text;
  throw new UsageError(`stream ${quote(text)} is not one`, 'Use stdout or stderr');
});

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
    .option('--stream <name>', 'only what came by stdout, or by stderr', stream)
    .option('--utc', 'times in UTC instead of local ones')
    .option('--json', 'print an array of {id, at, stream, line}, times in UTC')
    .addHelpText(
      'after',
      examples('meowctl logs', 'meowctl logs -f', 'meowctl logs k3x9ab --since 10m'),
    )
    .action((ids: readonly string[], options: Options) => logs(context, ids, options));
}

async function logs(context: Context, asked: readonly string[], options: Options): Promise<void> {
  if (options.follow && options.json) throw noEndNoArray();
  const { loggedIds } = await import('../../logs/server-log.ts');
  const { home, namespace } = context.config;
  const logged = loggedIds(home, namespace, defaults.namespace);
  const unknown = asked.find((id) => !logged.includes(id));
  if (unknown !== undefined) throw noLog(unknown, namespace);
  const chosen = asked.length > 0 ? [...new Set(asked)] : null;
  if (options.follow) return follow(context, chosen, options);
  await print(context, chosen ?? logged, options);
}

async function print(context: Context, chosen: readonly string[], options: Options): Promise<void> {
  const { lastLines, ServerLog } = await import('../../logs/server-log.ts');
  const { config, output } = context;
  const onDenied = skipping(context);
  const reading = { from: 'end', logFiles: defaults.logFiles, onDenied } as const;
  const logs = chosen.map((id) => new ServerLog(config.home, id, reading));
  const found = lastLines(logs, toSelection(options));
  for (const log of logs) log.close();
  if (options.json) return output.json(found);
  if (chosen.length === 0) return output.talk('no logs here: start a server with `meowctl spawn`');
  const write = await output.labelled();
  for (const line of found) write(line.id, text(line, options));
}

/** Until Ctrl-C, or until nobody reads it any more. */
async function follow(
  context: Context,
  chosen: readonly string[] | null,
  options: Options,
): Promise<void> {
  const { followLogs } = await import('../../logs/follow.ts');
  const { config, output } = context;
  const write = await output.labelled();
  const signal = context.interruption();
  for await (const batch of followLogs(config.home, {
    ids: chosen,
    namespace: config.namespace,
    usualNamespace: defaults.namespace,
    logFiles: defaults.logFiles,
    logPollMs: defaults.logPollMs,
    onDenied: skipping(context),
    signal,
    ...toSelection(options),
  })) {
    for (const line of batch) write(line.id, text(line, options));
    await output.flush();
    if (output.isUnread()) return;
  }
}

function toSelection({ lines: count, since, stream: named }: Options): Selection {
  const from = named ?? null;
  if (since === undefined) {
    return { count: count ?? defaults.logLines, since: null, stream: from };
  }
  const at = new Date(Date.now() - since).toISOString();
  return { count: count ?? ALL_LINES, since: at, stream: from };
}

/** Says once of each file that may not be read, and goes on without it. */
function skipping({ output }: Context): Reading['onDenied'] {
  const said = new Set<string>();
  return (path) => {
    if (said.has(path)) return;
    said.add(path);
    output.talk(`meowctl: skipped ${quote(path)}: permission denied`);
  };
}

/** With the time of day; the date too when it was not today. */
function text({ at, line }: LogLine, { utc }: Options): string {
  const { date, time } = zonedTime(Date.parse(at), utc);
  const isToday = date === zonedTime(Date.now(), utc).date;
  return isToday ? `${time} ${line}` : `${date.slice(5)} ${time} ${line}`;
}

function noLog(id: string, namespace: string): NothingError {
  const where = namespace === defaults.namespace ? 'this host' : `this host in ${namespace}`;
  return new NothingError(
    `no server ${id} has a log on ${where}`,
    'See `meowctl listservers`; a log is kept for 7 days after its server is gone',
  );
}

function noEndNoArray(): UsageError {
  return new UsageError(
    '--json with --follow: an array that never ends',
    'Leave one of them out: --follow prints plain lines into a pipe',
  );
}
