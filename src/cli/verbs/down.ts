import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import type { EngineNote } from '../../engine/engine-files.ts';
import { exitCodes, FailedError, type MeowError, StoreError } from '../../errors.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { Kind, Running } from '../../process/our-process.ts';
import type { Context } from '../context/context.ts';
import { fleetHere, fleetOf, forgetDesired } from '../context/fleet-here.ts';
import { examples } from '../flags/help.ts';
import { addDrainTimeout, type DrainFlags } from '../flags/time-limits.ts';
import { tellFailures } from '../output/print-failures.ts';
import { serversInWords } from '../output/rows.ts';

/** What `down` has done so far. */
interface Tally {
  /** What ran here at the start. */
  readonly before: readonly Running[];
  /** Ids of the servers that Redis had leases or records of, at the start. */
  readonly running: ReadonlySet<string>;
  /** Servers that left because Redis told them to, or whose memory went. */
  readonly gone: Set<string>;
  readonly failed: MeowError[];
  /** What could not be asked of Redis; the rest goes on. */
  trouble: StoreError | null;
  redis: boolean;
  haproxies: number;
  /** Of other fleets, with nobody who looks after them. */
  readonly otherHaproxies: EngineNote[];
}

export function addDown(program: Command, context: Context): void {
  const verb = program
    .command('down')
    .description('end all that runs here: door, servers, what is remembered of them, local Redis')
    .addHelpText('after', examples('meowctl down'))
    .action((options: DrainFlags) => down(context, options));
  addDrainTimeout(verb, 'how long each server may finish');
}

/**
 * What runs from the state folder ends whatever becomes of Redis: who starts servers first, then the
 * servers, by Redis as far as it can be asked, then doors, then the local Redis.
 */
async function down(context: Context, { drainTimeout: timeout }: DrainFlags): Promise<void> {
  const tally = await look(context);
  // It ends a door and servers of its own.
  await endKind(context, tally, 'up', 2 * (timeout + defaults.drainGraceMs));
  await endKind(context, tally, 'keep', defaults.drainGraceMs + defaults.termGraceMs);
  await destroyHere(context, tally, timeout);
  if (tally.trouble !== null) await orFailed(tally, () => forgetDesired(context));
  await endKind(context, tally, 'server', timeout + defaults.drainGraceMs);
  await endKind(context, tally, 'proxy', timeout + defaults.drainGraceMs);
  await endHaproxies(context, tally, timeout);
  await endRedis(context, tally);
  await tell(context, tally);
}

async function look(context: Context): Promise<Tally> {
  const { ours: before } = await fleetHere(context);
  const tally = {
    before,
    gone: new Set<string>(),
    failed: [],
    trouble: null,
    redis: false,
    haproxies: 0,
    otherHaproxies: [],
  };
  return askRedis({ ...tally, running: new Set() }, async (asked) => {
    const { servers } = await context.withStore(({ store }) => store.registry.fleet());
    return { ...asked, running: new Set(servers.map(({ record }) => record.id)) };
  });
}

async function endKind(context: Context, tally: Tally, kind: Kind, graceMs: number): Promise<void> {
  const { endHere } = await import('../../fleet/destroy/end-here.ts');
  const { ours } = await fleetHere(context);
  const ofKind = ours.filter((each) => each.kind === kind);
  tally.failed.push(...(await endHere(ofKind, graceMs)));
}

/** All that Redis knows of this host: the servers, and what is remembered of those that ran. */
async function destroyHere(context: Context, tally: Tally, drainMs: number): Promise<void> {
  const [{ destroyChosen }, { idsOn }, { thisMachine }] = await Promise.all([
    import('../../fleet/destroy/destroy-chosen.ts'),
    import('../../fleet/scale/servers-here.ts'),
    import('../../process/identity.ts'),
  ]);
  const { home } = context.config;
  tally.trouble = null;
  await askRedis(tally, () =>
    context.withStore(async ({ store: { registry } }) => {
      const machine = thisMachine(home);
      const here = (fleet: FleetView) => idsOn(machine, fleet);
      const how = { drainMs, signal: context.interruption() };
      const { gone, failed } = await destroyChosen(
        { registry, home, settings: defaults },
        here,
        how,
      );
      for (const { id } of gone) tally.gone.add(id);
      tally.failed.push(...failed);
      return tally;
    }),
  );
}

async function askRedis(tally: Tally, ask: (tally: Tally) => Promise<Tally>): Promise<Tally> {
  try {
    return await ask(tally);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    tally.trouble = error;
    return tally;
  }
}

/** Those that nobody looks after any more: a door that ends takes its own with it. */
async function endHaproxies({ config }: Context, tally: Tally, graceMs: number): Promise<void> {
  if (!existsSync(join(config.home, 'engine'))) return;
  const { endOrphans } = await import('../../engine/orphans.ts');
  const { ended, failed, others } = await endOrphans(config.home, await fleetOf(config), graceMs);
  tally.haproxies = ended;
  tally.otherHaproxies.push(...others);
  tally.failed.push(...failed);
}

async function endRedis({ config }: Context, tally: Tally): Promise<void> {
  const { stopLocalRedis } = await import('../../local-redis/run.ts');
  await orFailed(tally, async () => {
    tally.redis = await stopLocalRedis(config.home, defaults);
  });
}

async function orFailed(tally: Tally, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof FailedError)) throw error;
    tally.failed.push(error);
  }
}

async function tell(context: Context, tally: Tally): Promise<void> {
  const { output } = context;
  const words = await whatEnded(tally);
  if (words.length > 0) output.talk(`ended: ${words.join(', ')}`);
  else if (tally.failed.length === 0) output.talk('nothing is running');
  tellWhatRedisKeeps(context, tally);
  const { others } = await fleetHere(context);
  if (others.length > 0) output.talk(`${othersInWords(others)} from this state folder`);
  for (const { pid, namespace } of tally.otherHaproxies)
    output.talk(`HAProxy (pid ${pid}) runs on, of another fleet (namespace ${namespace})`);
  if (tally.failed.some(({ code }) => code === 'not-gone')) context.exitWith(exitCodes.failed);
  tellFailures(tally.failed, context, 'the rest has ended');
}

/** Of servers that did not run, only the memory went. */
async function whatEnded({ before, running, gone, redis, haproxies }: Tally): Promise<string[]> {
  const { stillRuns } = await import('../../process/our-process.ts');
  const ended = before.filter((each) => !stillRuns(each));
  const of = (kind: Kind) => ended.filter((each) => each.kind === kind);
  const byProcess = of('server').map(({ id, pid }) => id ?? pid);
  const ran = new Set([...byProcess, ...[...gone].filter((id) => running.has(id))]).size;
  const remembered = [...gone].filter((id) => !running.has(id) && !byProcess.includes(id)).length;
  const doors = of('proxy').length;
  return [
    of('up').length > 0 ? '`meowctl up`' : '',
    of('keep').length > 0 ? '`meowctl keep`' : '',
    ran > 0 ? serversInWords(ran) : '',
    remembered > 0 ? `what was remembered of ${serversInWords(remembered)}` : '',
    doors > 0 ? (doors === 1 ? 'the door' : `${doors} doors`) : '',
    haproxies > 0 ? 'HAProxy' : '',
    redis ? 'the local Redis' : '',
  ].filter((what) => what !== '');
}

function tellWhatRedisKeeps({ config, output }: Context, { trouble, before, redis }: Tally): void {
  const mattered = config.redisUrl !== null || redis || before.length > 0;
  if (trouble === null || !mattered) return;
  output.talk(`meowctl: Redis was not told that they are gone: ${trouble.message}`);
  output.talk('  It may list them as lost; `meowctl down` again, once it answers, clears that');
}

function othersInWords(others: readonly Running[]): string {
  const [first] = others;
  const run = others.length === 1 ? '1 process runs on' : `${others.length} processes run on`;
  const where = first?.redis ? ` on Redis ${first.redis}` : '';
  return `${run}, of another fleet (namespace ${first?.namespace}${where}),`;
}
