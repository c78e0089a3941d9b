import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../config.ts';
import { FailedError, type MeowError, NothingError, TimeoutError } from '../errors.ts';
import type { FleetView, Intent, ServerRecord } from '../store/records.ts';
import type { Registry } from '../store/store.ts';
import { destroyServers } from './destroy.ts';
import { anew, asBefore } from './from-intent.ts';
import { type Leave, Leaving } from './leaving.ts';
import { identify, isHere, isProcess, type Machine } from './process-identity.ts';
import { type SpawnDeps, type SpawnOptions, spawnServers } from './spawn.ts';
import { stopServers } from './stop.ts';
import { findTargets, type Known, knownServers } from './targets.ts';

export interface RestartDeps extends SpawnDeps {
  readonly registry: Registry;
  readonly machine: Machine;
}

export interface RestartOptions {
  /** Ids, ports or urls; none: every server of this host that was asked for. */
  readonly targets: readonly string[];
  /** How many at a time. */
  readonly batch: number;
  /** One with a fixed port is stopped before its successor starts. */
  readonly force: boolean;
  readonly drainMs: number;
  readonly signal: AbortSignal;
  /** Told of each new server once it serves and the old one is gone. */
  readonly onReplaced?: (record: ServerRecord) => void;
}

export interface Restarted {
  readonly started: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

/** A server and what was asked of it. */
interface Wanted extends Known {
  readonly intent: Intent;
}

type Job = RestartDeps & RestartOptions;

const POLL_MS = 10;
/** How many may leave for each that starts: leaving takes twice as long, even without a request. */
const LEAVING_PER_START = 3;

/**
 * Replaces servers of this host, a few at a time: the new one starts, every door has it, then the
 * old one is told to leave, and the next one starts while it does. The first that fails ends the
 * roll; what has not been replaced serves on.
 * @throws NothingError or FailedError before anything was done
 */
export async function restartServers(
  deps: RestartDeps,
  options: RestartOptions,
): Promise<Restarted> {
  const job: Job = { ...deps, ...options };
  const waiting = chooseServers(await deps.registry.fleet(), job);
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  const leaving = new Leaving(options.batch * LEAVING_PER_START, (errors) =>
    failed.push(...errors),
  );
  while (waiting.length > 0 && failed.length === 0 && !options.signal.aborted) {
    const batch = waiting.splice(0, options.batch);
    const outcomes = await Promise.all(batch.map((server) => replace(job, server)));
    for (const outcome of outcomes) {
      started.push(...outcome.started);
      failed.push(...outcome.failed);
      if (outcome.leaving) leaving.add(outcome.leaving);
    }
    await leaving.room();
  }
  await leaving.all();
  return { started, failed };
}

function chooseServers(fleet: FleetView, job: Job): Wanted[] {
  const { targets, machine } = job;
  const known = knownServers(fleet);
  const chosen =
    targets.length > 0
      ? findTargets(targets, known, machine, identify)
      : known.filter(({ id }) => fleet.intents.get(id)?.host === machine.host);
  if (chosen.length === 0) {
    throw new NothingError('no server here to restart', 'Start one with `meowctl spawn`');
  }
  const wanted = chosen.map((server) => withIntent(server, fleet, job));
  const fixed = wanted.find((server) => server.intent.fixedPort && runs(job, server));
  if (fixed && !job.force) throw fixedPort(fixed);
  return wanted;
}

function withIntent(server: Known, { intents }: FleetView, { machine }: Job): Wanted {
  const intent = intents.get(server.id);
  const { id, record } = server;
  if (record.host !== machine.host) {
    throw new FailedError(
      'elsewhere',
      `server ${id} is on host ${record.host}`,
      'Restart it there',
    );
  }
  if (intent) return { ...server, intent };
  const message = `server ${id} was not spawned, so there is nothing to start it again with`;
  throw new FailedError('no-intent', message, 'Only what `spawn`, `scale` or `up` started can be');
}

interface Step extends Restarted {
  readonly leaving?: Leave;
}

async function replace(job: Job, old: Wanted): Promise<Step> {
  if (!runs(job, old)) return takePlace(job, old);
  if (old.intent.fixedPort) return replaceOnItsPort(job, old);
  const started = await spawnServers(job, { ...toSpawn(old.intent), signal: job.signal });
  const [fresh] = started.started;
  if (!fresh) return started;
  const missing = await waitForDoors(job, fresh);
  if (missing !== null) return giveUp(job, fresh, missing);
  if (await takesOver(job, old)) return retire(job, old, fresh);
  await endOld(job, fresh);
  return { started: [], failed: [] };
}

/** The lease of one that just died runs on, and one that hangs has to be ended like any other. */
function runs({ machine }: Pick<Job, 'machine'>, { record }: Known): boolean {
  return isHere(record, machine) && isProcess(record, identify(record.pid));
}

/** The old one is gone already: only its place is to be taken. */
async function takePlace(job: Job, { id, intent }: Wanted): Promise<Restarted> {
  const again = { ...asBefore(intent), replaces: id, signal: job.signal };
  const { started, failed } = await spawnServers(job, again);
  for (const record of started) job.onReplaced?.(record);
  // Somebody else was first, a keeper most likely: it has been replaced, and that was wanted.
  return { started, failed: failed.filter(({ code }) => code !== 'replaced') };
}

// Stopped and not destroyed: its place is kept, whatever becomes of us or of its successor.
async function replaceOnItsPort(job: Job, old: Wanted): Promise<Restarted> {
  const killed = await stopServers([old.record], job.drainMs);
  const again = { ...asBefore(old.intent), replaces: old.id, signal: job.signal };
  const { started, failed } = await spawnServers(job, again);
  for (const record of started) job.onReplaced?.(record);
  return { started, failed: [...killed.map(notDrained), ...failed] };
}

function notDrained({ id, port }: ServerRecord): TimeoutError {
  const message = `server ${id} on port ${port} did not leave in time, and was ended by SIGKILL`;
  return new TimeoutError('not-drained', message, 'Its log in the state folder may tell why');
}

// Its own port is taken by the old one still, so the search starts as for any new server.
function toSpawn({ spec, listenHost, advertise, ofUp = false }: Intent): SpawnOptions {
  return { ...anew(1, spec), listenHost, advertise, ofUp };
}

/** @returns the first door that does not use the server in time, or null */
async function waitForDoors(job: Job, { id }: ServerRecord): Promise<string | null> {
  const limit = performance.now() + defaults.doorsTakeMs;
  for (;;) {
    const { doors } = await job.registry.fleet();
    const without = doors.find(({ roster }) => roster[id]?.state !== 'usable');
    if (!without) return null;
    const verdict = without.roster[id];
    const why = verdict ? `${verdict.state} ${verdict.reason}`.trim() : 'not seen';
    if (performance.now() > limit || job.signal.aborted) return `${without.url}: ${why}`;
    await pause(POLL_MS);
  }
}

async function giveUp(job: Job, fresh: ServerRecord, door: string): Promise<Restarted> {
  await endOld(job, fresh);
  const message = `server ${fresh.id} was not taken by the door at ${door}`;
  const remedy = 'It was ended again; the old ones serve on. See `meowctl ls` for what doors say';
  return { started: [], failed: [new TimeoutError('not-taken', message, remedy)] };
}

/** False when it was replaced or destroyed by somebody else meanwhile: then one more is too many. */
async function takesOver(job: Job, old: Wanted): Promise<boolean> {
  const limit = performance.now() + defaults.leaseMs;
  for (;;) {
    const said = await job.registry.orderRetireIfWanted(old.id, job.drainMs);
    if (said !== 'unwanted') return said === 'ordered';
    // A Redis that was emptied hears of it again at the next beat.
    if (!runs(job, old)) return false;
    if (performance.now() > limit) return true;
    await pause(POLL_MS);
  }
}

function retire(job: Job, old: Wanted, fresh: ServerRecord): Step {
  const leaving = endOld(job, old).then(({ failed }) => {
    job.onReplaced?.(fresh);
    return failed;
  });
  return { started: [fresh], failed: [], leaving };
}

async function endOld(job: Job, { id }: Pick<ServerRecord, 'id'>) {
  const { drainMs } = job;
  try {
    return await destroyServers(job, { targets: [id], all: false, force: true, drainMs });
  } catch (error) {
    if (error instanceof NothingError) return { failed: [] }; // gone by itself meanwhile
    throw error;
  }
}

function fixedPort({ id, record }: Known): FailedError {
  const message = `server ${id} has port ${record.port} for its own, so two cannot overlap`;
  return new FailedError('fixed-port', message, 'Use --force to stop it first');
}
