import type { Command } from 'commander';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import {
  type AppFlags,
  addAppFlags,
  addWorkerFlag,
  askedApp,
  keptApp,
} from '../flags/app-flags.ts';
import { examples } from '../flags/examples.ts';
import { size } from '../flags/values.ts';
import { servingRows, shortName, showRows } from '../output/rows.ts';
import { tellFailures } from '../output/tell-failures.ts';

interface Options extends AppFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function addScale(program: Command, context: Context): void {
  const verb = program
    .command('scale')
    .description(
      'start or retire servers until this host runs so many; what 0 stops comes back later',
    )
    .usage('[options] <count> [-- program with {port}]')
    .argument('<count>', 'how many, 0 to 500', size)
    .option('--json', 'print an array of records: all that serve here now')
    .option('-q, --quiet', 'print only the urls')
    .addHelpText('after', examples('meowctl scale 4', 'meowctl scale 4 --app ./server.js'))
    .action((count: number, options: Options) => scale(context, count, options));
  addWorkerFlag(addAppFlags(verb));
}

async function scale(context: Context, count: number, options: Options): Promise<void> {
  const asked = await keptApp(context, askedApp(context, options));
  await context.withStore((open) => scaleTo(context, open, count, asked, options), { start: true });
}

async function scaleTo(
  context: Context,
  open: OpenStore,
  count: number,
  given: AskedSpec | null,
  options: Options,
): Promise<void> {
  const asked = await settle(context, open, given);
  const [{ scaleTo: bringUp }, { thisMachine }] = await Promise.all([
    import('../../fleet/scale/scale.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry } = open.store;
  const { serving, started, retired, failed } = await bringUp(
    {
      registry,
      wanted: await openDesiredState(context, open),
      machine: thisMachine(context.config.home),
      ...serverProgram(context, open),
    },
    { count, asked, signal: context.interruption() },
  );
  const rows = await servingRows(registry, serving);
  const { output } = context;
  if (options.json) output.json(rows);
  else if (options.quiet) for (const row of rows) output.line(shortName(row));
  else if (rows.length > 0) await showRows(output, rows);
  output.talk(`${rows.length} serve here: ${started.length} started, ${retired.length} retired`);
  tellFailures(failed, context, `${rows.length} of ${count} servers serve`);
}
