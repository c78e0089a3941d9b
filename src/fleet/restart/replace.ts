import { type MeowError, NothingError, TimeoutError, toMeowError } from '../../errors.ts';
import { inPlaceOf } from '../../model/event-words.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { isAliveHere, type Machine } from '../../process/identity.ts';
import type { Standby } from '../../process/standby.ts';
import { dropDesired } from '../../state/desired-files.ts';
import { doing, LEAVES, type Steps, untold } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { until } from '../../time/until.ts';
import { destroyServers } from '../destroy/destroy.ts';
import type { DestroySettings } from '../destroy/destroy-run.ts';
import { notDrained, stopServers } from '../destroy/stop.ts';
import type { DesiredList } from '../scale/scale.ts';
import { anew, asBefore } from '../spawn/respawn.ts';
import type { SpawnSettings } from '../spawn/serve-command.ts';
import {
  prepareStandby,
  type SpawnDeps,
  type Spawned,
  type SpawnOptions,
  spawnServers,
} from '../spawn/spawn.ts';
import type { KnownServer } from '../targets/servers.ts';
import type { Leave } from './leaving.ts';
import type { Replacement } from './plan.ts';
import { type DoorSettings, doorWithout } from './wait-for-doors.ts';

const POLL_MS = 10;

type RestartSettings = SpawnSettings &
  DestroySettings &
  DoorSettings &
  Readonly<Record<'leavingPerStart', number>>;

export interface RestartDeps extends SpawnDeps {
  readonly settings: RestartSettings;
  readonly registry: Registry;
  readonly machine: Machine;
  readonly desired: Pick<DesiredList, 'look'>;
}

export interface ReplaceOptions {
  /** How long an old one may finish its requests. */
  readonly drainMs: number;
  readonly signal: AbortSignal;
  /** Told of what is out of the common, in words. */
  say?(line: string): void;
  /** Told of each old one, and what takes its place. */
  readonly steps?: Steps;
}

type Job = RestartDeps & ReplaceOptions;

export interface Step extends Spawned {
  readonly leaving?: Leave;
  readonly superseded?: boolean;
}

const SUPERSEDED: Step = { started: [], failed: [], superseded: true };

/** Boots the process of its successor, where that can start while it still runs. */
export function prepare(job: Job, old: Replacement): Standby | null {
  return isAliveHere(old.record, job.machine) && !old.desired.fixedPort
    ? prepareStandby(job, toSpawn(job, old))
    : null;
}

/** Puts a new server in the place of one: as soon as that has its order, the next one may start. */
export async function replace(job: Job, old: Replacement, standby: Standby | null): Promise<Step> {
  const { steps = untold } = job;
  steps.now(old.id, 'is being replaced: another one starts');
  const step = await replaceIt(job, old, standby);
  const [error] = step.failed;
  if (error) steps.failed(old.id, error);
  else if (step.superseded) steps.done(old.id, 'was replaced or taken out by somebody else');
  return step;
}

async function replaceIt(job: Job, old: Replacement, standby: Standby | null): Promise<Step> {
  // By its process: the lease of one that just died runs on, and one that hangs has to be ended too.
  if (!isAliveHere(old.record, job.machine)) return takePlace(job, old);
  if (old.desired.fixedPort) return replaceOnItsPort(job, old);
  if (await isSuperseded(job, old)) return SUPERSEDED;
  const started = await spawnServers(job, { ...toSpawn(job, old), standby, signal: job.signal });
  const [fresh] = started.started;
  if (!fresh) return started;
  job.steps?.now(old.id, `is being replaced: doors take ${fresh.id}`);
  const missing = fresh.worker ? null : await doorWithout(fresh.id, job);
  if (missing !== null) return giveUp(job, fresh, missing);
  return retire(job, old, fresh);
}

/** It is leaving, and nobody wants it any more. A Redis that was emptied knows neither. */
async function isSuperseded({ registry }: Job, { id }: Replacement): Promise<boolean> {
  const { servers, desiredServers } = await registry.fleet();
  const leaves = servers.some(({ record }) => record.id === id && record.state === 'draining');
  return leaves && !desiredServers.has(id);
}

/** The old one is gone already: only its place is to be taken. */
async function takePlace(job: Job, { id, desired, next }: Replacement): Promise<Step> {
  // As it was signed: where its successor fails, it is wanted again.
  const again = {
    ...asBefore({ ...desired, spec: next }, job.settings),
    replaces: desired,
    signal: job.signal,
  };
  const { started, failed } = await spawnServers(job, again);
  for (const record of started) job.steps?.done(id, replacedBy(record));
  if (failed.length === 0) return { started, failed };
  // By a reconciler, most likely: it has been replaced, and that was wanted.
  return (await job.registry.fleet()).desiredServers.has(id) ? { started, failed } : SUPERSEDED;
}

// Stopped and not destroyed: its place is kept, whatever becomes of us or of its successor.
async function replaceOnItsPort(job: Job, old: Replacement): Promise<Step> {
  const { drainMs, settings, registry } = job;
  const stopped = await stopServers([old.record], { drainMs, settings, registry });
  const killed = stopped.map(notDrained);
  const { started, failed } = await takePlace(job, old);
  return { started, failed: [...killed, ...failed, ...(await putBack(job, old, failed))] };
}

/** As it was before the change that failed. */
async function putBack(job: Job, old: Replacement, failed: readonly MeowError[]) {
  const before = old.desired.spec;
  if (failed.length === 0 || old.next === before) return [];
  return (await takePlace(job, { ...old, next: before })).failed;
}

// Its own port is taken by the old one still, so the search starts as for any new server.
function toSpawn({ settings }: Job, { id, desired, next }: Replacement): SpawnOptions {
  const { listenHost, advertise, ofUp = false } = desired;
  return {
    ...anew(1, next, settings),
    listenHost,
    advertise,
    ofUp,
    why: inPlaceOf(id),
  };
}

async function giveUp(job: Job, fresh: ServerRecord, door: string): Promise<Step> {
  await endOld(job, { id: fresh.id });
  const message = `server ${fresh.id} was not taken by the door at ${door}`;
  const remedy = 'It was ended again; the old ones serve on. See `meowctl ls` for what doors say';
  return { started: [], failed: [new TimeoutError('not-taken', message, remedy)] };
}

/** Of two rolls that replace the same server, one may; the other takes its own new one back. */
async function retire(job: Job, old: Replacement, fresh: ServerRecord): Promise<Step> {
  if (!(await takesOver(job, old))) return { ...SUPERSEDED, leaving: leave(job, fresh) };
  job.steps?.now(old.id, `${LEAVES}; ${fresh.id} ${doing(fresh)}`);
  const leaving = leave(job, old).then((failed) => {
    const [error] = failed;
    if (error) job.steps?.failed(old.id, error);
    else job.steps?.done(old.id, replacedBy(fresh));
    return failed;
  });
  return { started: [fresh], failed: [], leaving };
}

function replacedBy(fresh: ServerRecord): string {
  return `was replaced: ${fresh.id} ${doing(fresh)}`;
}

/** False when it was replaced or destroyed by somebody else meanwhile: then one more is too many. */
async function takesOver(job: Job, old: Replacement): Promise<boolean> {
  const ask = async () => {
    const reply = await job.registry.orderRetireIfDesired(old.id, job.drainMs);
    // A Redis that was emptied hears of it again at the next beat.
    const isLate = reply === 'unwanted' && isAliveHere(old.record, job.machine);
    return isLate ? null : reply;
  };
  const reply = await until(ask, { everyMs: POLL_MS, withinMs: job.settings.leaseMs });
  if (reply === 'ordered') dropDesired(job.home, old.id);
  return reply === 'ordered' || reply === null;
}

async function leave(job: Job, server: Pick<KnownServer, 'id'>): Leave {
  const { failed } = await endOld(job, server).catch(failure);
  return failed;
}

function failure(error: unknown) {
  return { failed: [toMeowError(error)] };
}

async function endOld(job: Job, { id }: Pick<KnownServer, 'id'>) {
  const { drainMs, say } = job;
  // What is told of its end is told of the one that is replaced.
  const how = { all: false, force: true, drainMs, steps: untold, ...(say ? { say } : {}) };
  try {
    return await destroyServers(job, { targets: [id], ...how });
  } catch (error) {
    if (error instanceof NothingError) return { failed: [] }; // gone by itself meanwhile
    throw error;
  }
}
