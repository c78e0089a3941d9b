import { type Command, Option } from 'commander';
import { defaults } from '../config.ts';
import { FailedError } from '../errors.ts';
import type { AppSpec } from '../store/records.ts';
import { type AppFlags, addAppFlags, askedApp, givenSpec } from './app-flags.ts';
import type { Context } from './context.ts';
import { detachUp, UP_READY_MS } from './detach-up.ts';
import { examples } from './examples.ts';
import { keptApp } from './kept-app.ts';
import { addDoorOptions } from './open-door.ts';
import { keepOwnLog } from './own-log.ts';
import { readyPipe } from './ready-pipe.ts';
import { runUp, type UpFlags } from './run-up.ts';
import { seconds, size } from './values.ts';

interface Options extends UpFlags, AppFlags {
  readonly detach?: boolean;
  readonly detached?: boolean;
}

export function addUp(program: Command, context: Context): void {
  const verb = program
    .command('up')
    .description('local Redis if needed, the fleet, kept running, and the door, until Ctrl-C')
    .usage('[options] [-- program with {port}]')
    .option('-n, --number <count>', 'servers on this host (default: those it had, else 2)', size)
    .option(
      '--timeout <seconds>',
      'how long requests may finish at the end',
      seconds,
      defaults.drainMs,
    )
    .option('--detach', 'in the background')
    .addOption(new Option('--detached').hideHelp())
    .addHelpText(
      'after',
      examples('meowctl up', 'meowctl up -n 4 --detach', 'meowctl up --app ./server.js'),
    )
    .action((options: Options) => up(context, options));
  addAppFlags(verb);
  addDoorOptions(verb);
}

async function up(context: Context, options: Options): Promise<void> {
  await refuseSecond(context);
  const spec = await whatToServe(context, options);
  if (options.detach) return detachUp(context, spec);
  if (options.detached) keepOwnLog(context.process, context.config.home, 'up');
  const ready = readyPipe(options.detached ?? false, context.process, UP_READY_MS);
  try {
    await runUp(context, spec, options, ready.tell);
  } catch (error) {
    ready.fail(error);
    throw error;
  }
}

// In the background it hears from who started it: a variable has no place on a command line.
async function whatToServe(context: Context, options: Options): Promise<AppSpec | null> {
  if (options.detached) return context.config.app === null ? null : givenSpec(context);
  return keptApp(context, askedApp(context, options));
}

async function refuseSecond({ config }: Context): Promise<void> {
  const { findUp } = await import('../fleet/up-mark.ts');
  const other = findUp(config.home);
  if (!other) return;
  const message = `meowctl up already runs here (pid ${other.pid})`;
  throw new FailedError('already-up', message, 'End it with `meowctl down`');
}
