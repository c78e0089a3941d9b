import { type Command, Option } from 'commander';
import { defaults } from '../../defaults.ts';
import { inTurn } from '../../errors.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import { keepOwnLog } from '../../logs/own-log.ts';
import { readyPipe } from '../../process/ready-pipe.ts';
import { announceHere } from '../context/announce.ts';
import type { Context } from '../context/context.ts';
import { type AppFlags, addAppFlags, askedApp, givenSpec } from '../flags/app-flags.ts';
import { examples } from '../flags/help.ts';
import { keptApp } from '../flags/kept-app.ts';
import { addDrainTimeout } from '../flags/time-limits.ts';
import { size } from '../flags/values.ts';
import { report } from '../output/usage-error.ts';
import { detachUp } from '../up/detach.ts';
import { adminUrl } from '../up/open-admin.ts';
import { addDoorOptions, checkDoorFlags } from '../up/open-door.ts';
import { runUp, type UpFlags } from '../up/session.ts';

interface Options extends UpFlags, AppFlags {
  readonly detach?: boolean;
  readonly detached?: boolean;
}

export function addUp(program: Command, context: Context): void {
  const verb = program
    .command('up')
    .description('local Redis if needed, the fleet, kept running, and the door, until Ctrl-C')
    .usage('[options] [-- program with {port}]')
    .option(
      '-n, --number <count>',
      `servers on this host (default: those it had, else ${defaults.upServers})`,
      size,
    )
    .option('--detach', 'in the background')
    .addOption(new Option('--detached').hideHelp())
    .addHelpText(
      'after',
      examples('meowctl up', 'meowctl up -n 4 --detach', 'meowctl up --app ./server.js'),
    )
    .action((options: Options) => up(context, options));
  addDrainTimeout(verb, 'how long requests may finish at the end');
  addAppFlags(verb);
  addDoorOptions(verb);
}

async function up(context: Context, options: Options): Promise<void> {
  await checkDoorFlags(options);
  if (options.detach) {
    await refuseSecond(context);
    return detachUp(context, (await whatToServe(context, options))?.spec ?? null);
  }
  const ready = readyPipe(options.detached ?? false, context.process, {
    readyMs: defaults.upReadyMs,
    reasonMs: defaults.reasonMs,
  });
  // From the start: as the first process of a container it hears no signal that it does not ask for.
  const stopping = context.stopping();
  try {
    await asTheOnlyOne(context, stopping, adminUrl(options), async (ending) => {
      // Not before: this log is that of the one that runs.
      if (options.detached) keepOwnLog(context.process, context.config.home, 'up', defaults);
      const asked = await whatToServe(context, options);
      await runUp(context, asked, options, ready.tell, ending);
    });
  } catch (error) {
    ready.fail(error);
    throw error;
  }
}

async function asTheOnlyOne(
  context: Context,
  stopping: AbortSignal,
  admin: string | null,
  work: (ending: AbortSignal) => Promise<void>,
): Promise<void> {
  const { home } = context.config;
  const [{ takeUp }, { thisMachine }, { prepareStateFolder }] = await Promise.all([
    import('../../fleet/up/single-up.ts'),
    import('../../process/identity.ts'),
    import('../../state/folder.ts'),
  ]);
  prepareStateFolder(home);
  const options = { signal: stopping, log: context.output.talk, settings: defaults };
  const taken = await takeUp(home, thisMachine(home), options);
  const leave = await announceHere(context, 'up', { admin });
  const lost = new AbortController();
  void taken.lost.then((error) => {
    report(error, context.output, false);
    context.exitWith(error.exitCode);
    lost.abort();
  });
  try {
    await work(AbortSignal.any([stopping, lost.signal]));
  } finally {
    await inTurn([leave, () => taken.release()]);
  }
}

// In the background it hears from who started it: a variable has no place on a command line.
async function whatToServe(context: Context, options: Options): Promise<AskedSpec | null> {
  if (!options.detached) {
    const asked = await keptApp(context, askedApp(context, options));
    return asked && { ...asked, isPlain: false };
  }
  if (context.config.app === null) return null;
  const spec = givenSpec(context);
  const isNamed = options.app !== undefined || spec.kind !== 'cat';
  return { spec, isNamed, isPlain: false };
}

// Said at once; who starts at the same moment is told by the one in the background.
async function refuseSecond({ config }: Context): Promise<void> {
  const [{ alreadyUp }, { findUp }, { thisMachine }] = await Promise.all([
    import('../../fleet/up/single-up.ts'),
    import('../../fleet/up/mark.ts'),
    import('../../process/identity.ts'),
  ]);
  const self = thisMachine(config.home);
  const other = findUp(config.home, self);
  if (other) throw alreadyUp(other, self);
}
