import type { Command } from 'commander';
import type { FleetView } from '../../model/fleet-view.ts';
import { quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { addOutputFlags, examples, type OutputFlags } from '../flags/help.ts';
import { explainUnsigned } from '../output/not-started.ts';
import { tellPoison } from '../output/print-failures.ts';
import { listFleet, type Row, showRows } from '../output/rows.ts';
import { explainLost, look, sayNoWrites } from '../output/why-lost.ts';

interface Options extends OutputFlags {}

const MAX_SKIPPED_LINES = 5;
const LAST_WORDS = 5;

export function addListservers(program: Command, context: Context): void {
  const verb = program
    .command('listservers')
    .alias('ls')
    .description('list every server, whatever its state')
    .addHelpText('after', examples('meowctl listservers', 'meowctl ls --json'))
    .action((options: Options) => listservers(context, options));
  addOutputFlags(verb, { json: 'an array of records', quiet: 'the urls of servers that are up' });
}

async function listservers(context: Context, options: Options): Promise<void> {
  const seen = await context.withStore(({ store }) => look(store.registry));
  const lost = explainLost(listFleet(seen.fleet), seen);
  const rows = await explainUnsigned(lost, seen.fleet, context.config.home);
  const { output } = context;
  sayWhatWasSkipped(seen.fleet, context);
  sayNoWrites(seen, output);
  tellPoison(seen.fleet.doors, output);
  if (options.json) return output.json(rows);
  if (options.quiet) return urlsOfUp(rows).forEach(output.line);
  if (rows.length === 0) return output.talk('no servers: start one with `meowctl spawn`');
  await showRows(output, rows);
  await tellLastWords(rows, context);
}

/** Why a server was given up, as far as this host's logs tell. */
async function tellLastWords(rows: readonly Row[], { config, output }: Context): Promise<void> {
  const crashed = rows.filter(({ state }) => state === 'crashed');
  if (crashed.length === 0) return;
  const { logPath, rawLogPath, tails } = await import('../../logs/files.ts');
  for (const { id } of crashed) {
    output.talk(`server ${id} crashed too often; start it again with \`meowctl restart ${id}\``);
    const files = [logPath(config.home, id), rawLogPath(config.home, id)];
    for (const line of tails(files, LAST_WORDS)) output.talk(`  | ${line}`);
  }
}

function urlsOfUp(rows: readonly Row[]): string[] {
  return rows.filter(({ state, http }) => state === 'up' && http !== false).map(({ url }) => url);
}

function sayWhatWasSkipped({ skipped }: FleetView, { output }: Context): void {
  for (const { where, why } of skipped.slice(0, MAX_SKIPPED_LINES)) {
    output.talk(`meowctl: skipped ${quote(where)}: ${why}`);
  }
  const more = skipped.length - MAX_SKIPPED_LINES;
  if (more > 0) output.talk(`meowctl: skipped ${more} more that are not valid`);
}
