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
import { detachUp } from '../up/detach.ts';
import type { UpFlags, UpPlan } from '../up/keeping.ts';
import { begin } from '../up/older.ts';
import { adminUrl } from '../up/open-admin.ts';
import { addDoorOptions, checkDoorFlags } from '../up/open-door.ts';
import { Renewal } from '../up/renewal.ts';
import { runUp } from '../up/session.ts';
import { Turn } from '../up/turn.ts';

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
    if (!options.takeOver) await refuseSecond(context);
    return detachUp(context, (await whatToServe(context, options))?.spec ?? null);
  }
  const ready = readyPipe(options.detached ?? false, context.process, {
    readyMs: defaults.upReadyMs,
    reasonMs: defaults.reasonMs,
  });
  const renewal = new Renewal(context, 'up');
  // From the start: as the first process of a container it hears no signal that it does not ask for.
  const turn = new Turn(context, context.stopping());
  try {
    await inTurnOf(context, { turn, renewal }, options, async (plan) => {
      // Not before: this log is that of the one that runs, which writes on until it has ended.
      const limits = { ...defaults, logIsShared: true };
      if (options.detached) keepOwnLog(context.process, context.config.home, 'up', limits);
      const asked = await whatToServe(context, options);
      await runUp(context, asked, plan, ready.tell);
    });
  } catch (error) {
    ready.fail(error);
    throw error;
  }
}

async function inTurnOf(
  context: Context,
  who: Pick<UpPlan, 'turn' | 'renewal'>,
  options: Options,
  work: (plan: UpPlan) => Promise<void>,
): Promise<void> {
  const { turn, renewal } = who;
  const { prepareStateFolder } = await import('../../state/folder.ts');
  prepareStateFolder(context.config.home);
  const beginning = await begin(context, 'up', options);
  try {
    if (beginning.older === null) await turn.take();
    const admin = adminUrl(beginning.flags);
    const leave = await announceHere(context, 'up', { admin, ...renewal.place() });
    try {
      await work({ ...beginning, ...who });
    } finally {
      leave();
    }
  } finally {
    await inTurn([() => beginning.older?.close(), () => turn.release()]);
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
