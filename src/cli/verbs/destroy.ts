import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { UsageError } from '../../errors.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { addOutputFlags, examples, type OutputFlags } from '../flags/help.ts';
import { addDrainTimeout, type DrainFlags } from '../flags/time-limits.ts';
import { tellFailures } from '../output/print-failures.ts';
import { printRows } from '../output/print-rows.ts';
import { byPort, servedBy, toRow } from '../output/rows.ts';
import { withSteps } from '../progress/shown.ts';

interface Options extends OutputFlags, DrainFlags {
  readonly all?: boolean;
  readonly force?: boolean;
}

export function addDestroy(program: Command, context: Context): void {
  const verb = program
    .command('destroy')
    .description('take servers out, after they have finished; without a name, a random one')
    .argument('[server...]', 'ids, ports or urls')
    .option('--all', 'every server')
    .option('--force', 'even the last one')
    .addHelpText(
      'after',
      examples('meowctl destroy', 'meowctl destroy 3002', 'meowctl destroy --all'),
    )
    .action((targets: string[], options: Options) => destroy(context, targets, options));
  addDrainTimeout(verb, 'how long each may finish its requests');
  addOutputFlags(verb, { json: 'an array of records', quiet: 'the ids' });
}

async function destroy(context: Context, targets: string[], options: Options): Promise<void> {
  if (options.all && targets.length > 0) {
    throw new UsageError('--all together with names', 'Use either --all or names');
  }
  await context.withStore((open) => destroyThem(context, open, targets, options));
}

async function destroyThem(
  context: Context,
  { store }: OpenStore,
  targets: string[],
  options: Options,
): Promise<void> {
  const { destroyServers } = await import('../../fleet/destroy/destroy.ts');
  const deps = { registry: store.registry, home: context.config.home, settings: defaults };
  const how = {
    targets,
    all: options.all ?? false,
    force: options.force ?? false,
    drainMs: options.drainTimeout,
    signal: context.interruption(),
    say: (line: string) => context.output.talk(`meowctl: ${line}`),
  };
  const { asked, gone, failed } = await withSteps(context, (steps) =>
    destroyServers(deps, { ...how, steps }),
  );
  const rows = gone.map((record) => toRow(record, 'gone')).sort(byPort);
  const { output } = context;
  await printRows(output, rows, options, { quietly: ({ id }) => id });
  if (!options.json && !options.quiet && options.all && asked === 0)
    output.talk('no servers: nothing to destroy');
  const [one] = rows;
  if (one && !options.all && targets.length === 0)
    output.talk(`picked at random: it served ${servedBy(one)}`);
  tellFailures(failed, context, `${rows.length} of ${asked} servers are gone`);
}
