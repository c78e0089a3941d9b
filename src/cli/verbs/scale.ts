import type { Command } from 'commander';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { type AppFlags, addAppFlags, addWorkerFlag, askedApp } from '../flags/app-flags.ts';
import { addOutputFlags, examples, type OutputFlags } from '../flags/help.ts';
import { keptApp } from '../flags/kept-app.ts';
import { size } from '../flags/values.ts';
import { tellFailures } from '../output/print-failures.ts';
import { printRows } from '../output/print-rows.ts';
import { servingRows } from '../output/rows.ts';
import { withSteps } from '../progress/shown.ts';

interface Options extends AppFlags, OutputFlags {}

export function addScale(program: Command, context: Context): void {
  const verb = program
    .command('scale')
    .description(
      'start or retire servers until this host runs so many; what 0 stops comes back later',
    )
    .usage('[options] <count> [-- program with {port}]')
    .argument('<count>', 'how many, 0 to 500', size)
    .addHelpText('after', examples('meowctl scale 4', 'meowctl scale 4 --app ./server.js'))
    .action((count: number, options: Options) => scale(context, count, options));
  addOutputFlags(verb, { json: 'an array of records: all that serve here now', quiet: 'the urls' });
  addWorkerFlag(addAppFlags(verb));
}

async function scale(context: Context, count: number, options: Options): Promise<void> {
  const about: string[] = [];
  const asked = await keptApp(context, askedApp(context, options), (line) => about.push(line));
  await context.withStore(
    async (open) => {
      const started = await scaleTo(context, open, count, asked, options);
      if (started > 0) about.forEach(context.output.talk);
    },
    { start: true },
  );
}

async function scaleTo(
  context: Context,
  open: OpenStore,
  count: number,
  given: AskedSpec | null,
  options: Options,
): Promise<number> {
  const asked = await settle(context, open, given);
  const [{ scaleTo: bringUp }, { thisMachine }] = await Promise.all([
    import('../../fleet/scale/scale.ts'),
    import('../../process/identity.ts'),
  ]);
  const { registry } = open.store;
  const deps = {
    registry,
    desired: await openDesiredState(context, open),
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
  };
  const signal = context.interruption();
  const { serving, started, retired, failed } = await withSteps(context, (steps) =>
    bringUp(deps, { count, asked, signal, steps }),
  );
  const rows = await servingRows(registry, serving);
  const { output } = context;
  await printRows(output, rows, options);
  const serve = rows.every(({ http }) => http === false) && rows.length > 0 ? 'run' : 'serve';
  output.talk(`${rows.length} ${serve} here: ${started.length} started, ${retired.length} retired`);
  const before = rows.length - started.length;
  if (asked && !asked.isPlain && before > 0) {
    output.talk(
      `those that ran before (${before}) keep their settings: \`meowctl restart\` changes them`,
    );
  }
  tellFailures(failed, context, `${rows.length} of ${count} servers serve`);
  return started.length;
}
