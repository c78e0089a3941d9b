import type { Command } from 'commander';
import { defaults } from '../config.ts';
import { StoreError, TimeoutError } from '../errors.ts';
import type { FleetView, ServerRecord } from '../store/records.ts';
import type { Context } from './context.ts';
import { examples } from './examples.ts';
import { serversInWords } from './rows.ts';
import { tellFailures } from './tell-failures.ts';
import { seconds } from './values.ts';

interface Options {
  readonly timeout: number;
}

export function addDown(program: Command, context: Context): void {
  program
    .command('down')
    .description('end all that runs here: door, servers, what is remembered of them, local Redis')
    .option('--timeout <seconds>', 'how long each server may finish', seconds, defaults.drainMs)
    .addHelpText('after', examples('meowctl down'))
    .action((options: Options) => down(context, options));
}

async function down(context: Context, { timeout }: Options): Promise<void> {
  const running = await idsRunning(context);
  const ended = [
    await endUp(context, timeout),
    await endServers(context, timeout, running),
    await endRedis(context),
  ].filter((what) => what !== null);
  context.output.talk(ended.length > 0 ? `ended: ${ended.join(', ')}` : 'nothing is running');
}

/** Seen before `up` ends its own. */
async function idsRunning(context: Context): Promise<ReadonlySet<string>> {
  try {
    const { servers } = await context.withStore(({ store }) => store.registry.fleet());
    return new Set(servers.map(({ record }) => record.id));
  } catch (error) {
    if (isAway(error)) return new Set();
    throw error;
  }
}

async function endUp({ config }: Context, drainMs: number): Promise<string | null> {
  const [{ findUp, isUp }, { terminate }] = await Promise.all([
    import('../fleet/up-mark.ts'),
    import('../fleet/launcher.ts'),
  ]);
  const mark = findUp(config.home);
  if (!mark) return null;
  const graceMs = 2 * (drainMs + defaults.drainGraceMs);
  const ending = await terminate({ pid: mark.pid, isIt: () => isUp(mark) }, graceMs);
  if (ending !== 'alive') return '`meowctl up`';
  throw new TimeoutError('not-gone', `meowctl up (pid ${mark.pid}) does not end`, 'End it by hand');
}

// Without Redis there is nothing left to ask, and `down` goes on to what it can end.
async function endServers(
  context: Context,
  drainMs: number,
  running: ReadonlySet<string>,
): Promise<string | null> {
  const [{ destroyChosen }, { idsOn }, { thisMachine }] = await Promise.all([
    import('../fleet/destroy-chosen.ts'),
    import('../fleet/bring-up.ts'),
    import('../fleet/process-identity.ts'),
  ]);
  try {
    return await context.withStore(async ({ store: { registry } }) => {
      const machine = thisMachine(context.config.home);
      const here = (fleet: FleetView) => idsOn(machine, fleet);
      const how = { drainMs, signal: context.interruption() };
      const { asked, gone, failed } = await destroyChosen(
        { registry, home: context.config.home },
        here,
        how,
      );
      tellFailures(failed, context, `${gone.length} of ${asked} servers are gone`);
      return whatWent(gone, running);
    });
  } catch (error) {
    if (isAway(error)) return null;
    throw error;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof StoreError && error.kind === 'unavailable';
}

/** Of those that did not run, only the memory went. */
function whatWent(gone: readonly ServerRecord[], running: ReadonlySet<string>): string | null {
  const ran = gone.filter(({ id }) => running.has(id)).length;
  const remembered = gone.length - ran;
  const words = [
    ran > 0 ? serversInWords(ran) : null,
    remembered > 0 ? `the memory of ${serversInWords(remembered)}` : null,
  ];
  return words.filter((what) => what !== null).join(', ') || null;
}

async function endRedis({ config }: Context): Promise<string | null> {
  const { stopLocalRedis } = await import('../fleet/local-redis.ts');
  return (await stopLocalRedis(config.home)) ? 'the local Redis' : null;
}
