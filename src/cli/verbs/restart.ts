import { type Command, Option } from 'commander';
import type { AppChange } from '../../fleet/targets/changed-app.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { addAppFlags } from '../flags/app-flags.ts';
import { askedChange, type ChangeFlags, withdrawn } from '../flags/asked-change.ts';
import { addOutputFlags, examples, type OutputFlags } from '../flags/help.ts';
import { addDrainTimeout, type DrainFlags } from '../flags/time-limits.ts';
import { count } from '../flags/values.ts';
import { tellFailures } from '../output/print-failures.ts';
import { printRows } from '../output/print-rows.ts';
import { serversInWords, servingRows } from '../output/rows.ts';
import { withSteps } from '../progress/shown.ts';

interface Options extends ChangeFlags, OutputFlags, DrainFlags {
  readonly batch: number;
  readonly force?: boolean;
}

export function addRestart(program: Command, context: Context): void {
  const verb = program
    .command('restart')
    .description(
      'replace servers of this host one by one, also by a new version or with new settings; no request is lost',
    )
    .argument('[server...]', 'ids, ports or urls (default: all that were asked for here)')
    .option('--batch <count>', 'how many at a time', count, 1)
    .option('--force', 'stop one with a fixed --port before its successor starts')
    .addHelpText(
      'after',
      examples(
        'meowctl restart',
        'meowctl restart 3002 --drain-timeout 5',
        'meowctl restart --env LOG=debug --no-env OLD',
        'meowctl restart --app ./releases/2/server.js',
      ),
    )
    .action((targets: string[], options: Options) => {
      const change = askedChange(context, options);
      return context.withStore((open) => restart(context, open, targets, { ...options, change }));
    });
  addDrainTimeout(verb, 'how long each old one may finish its requests');
  addOutputFlags(verb, { json: 'an array of the new records', quiet: 'the new urls' });
  addAppFlags(verb, true).addOption(noEnv());
}

// Commander would take it for `--env` turned off.
function noEnv(): Option {
  const option = new Option('--no-env <NAME>', 'a variable that the app gets no more');
  option.negate = false;
  option.attributeName = () => 'noEnv';
  return option.argParser(withdrawn);
}

async function restart(
  context: Context,
  open: OpenStore,
  targets: string[],
  options: Options & { readonly change: AppChange | null },
): Promise<void> {
  await settle(context, open, null);
  const [{ restartServers }, { thisMachine }] = await Promise.all([
    import('../../fleet/restart/roll.ts'),
    import('../../process/identity.ts'),
  ]);
  const { output } = context;
  const deps = {
    registry: open.store.registry,
    desired: await openDesiredState(context, open),
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
  };
  const how = {
    targets,
    batch: options.batch,
    force: options.force ?? false,
    change: options.change,
    drainMs: options.drainTimeout,
    signal: context.interruption(),
    say: (line: string) => output.talk(`meowctl: ${line}`),
  };
  const { started, failed, superseded } = await withSteps(context, (steps) =>
    restartServers(deps, { ...how, steps }),
  );
  const rows = await servingRows(open.store.registry, started);
  await printRows(output, rows, options, { withFolder: true });
  if (superseded > 0) {
    output.talk(`somebody else replaced or took out ${serversInWords(superseded)} first`);
  }
  tellFailures(failed, context, `${rows.length} servers were replaced; the others serve on`);
}
