import { dropNewValues, keptDigests } from '../../environment/sweep.ts';
import { FailedError, type MeowError, NothingError, UsageError } from '../../errors.ts';
import { isWorker } from '../../model/app-spec.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { identify, isAliveHere, isHere, isOfHost, type Machine } from '../../process/identity.ts';
import { quote } from '../../text.ts';
import type { Here } from '../scale/here.ts';
import { distinctApps, inWords } from '../targets/app.ts';
import { type AppChange, changedApp } from '../targets/changed-app.ts';
import { findTargets, type Known, knownServers } from '../targets/servers.ts';
import { Leaving } from './leaving.ts';
import { prepare, type ReplaceOptions, type RestartDeps, replace, type Wanted } from './replace.ts';
import { Standbys } from './standbys.ts';

export interface RestartOptions extends ReplaceOptions {
  /** Ids, ports or urls; none: every server of this host that was asked for. */
  readonly targets: readonly string[];
  /** How many at a time. */
  readonly batch: number;
  /** One with a fixed port is stopped before its successor starts. */
  readonly force: boolean;
  /** What is new about what they serve. */
  readonly change?: AppChange | null;
}

export interface Restarted {
  readonly started: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
  /** How many somebody else replaced or took out first. */
  readonly overtaken: number;
}

type Job = RestartDeps & RestartOptions;

/** How many may leave for each that starts: leaving takes some 300 ms even without a request. */
const LEAVING_PER_START = 4;

/**
 * Replaces servers of this host, a few at a time: the new one starts, every door has it, then the
 * old one is told to leave, and the next one starts while it does; its process boots even before,
 * and waits. The first that fails ends the roll; what has not been replaced serves on.
 * @throws NothingError or FailedError before anything was done
 */
export async function restartServers(
  deps: RestartDeps,
  options: RestartOptions,
): Promise<Restarted> {
  const job: Job = { ...deps, ...options };
  const fleet = await deps.registry.fleet();
  const kept = keptDigests(deps.home);
  const chosen = chooseServers(fleet, await deps.wanted.look(fleet), job);
  const waiting = [...chosen];
  const started: ServerRecord[] = [];
  const failed: MeowError[] = [];
  let overtaken = 0;
  const leaving = new Leaving(options.batch * LEAVING_PER_START, (errors) =>
    failed.push(...errors),
  );
  const standbys = new Standbys((old: Wanted) => prepare(job, old));
  try {
    while (waiting.length > 0 && failed.length === 0 && !options.signal.aborted) {
      const batch = waiting.splice(0, options.batch);
      const steps = batch.map((server) => replace(job, server, standbys.take(server.id)));
      standbys.start(waiting.slice(0, Math.min(options.batch, deps.settings.spawnsInParallel)));
      for (const step of await Promise.all(steps)) {
        started.push(...step.started);
        failed.push(...step.failed);
        if (step.overtaken) overtaken += 1;
        if (step.leaving) leaving.add(step.leaving);
      }
      await leaving.room();
    }
  } finally {
    await standbys.discard(deps.settings.termGraceMs);
  }
  await leaving.all();
  if (started.length === 0) dropNewValues(deps.home, kept, chosen.flatMap(digestOf));
  return { started, failed, overtaken };
}

function digestOf({ next: { envDigest } }: Wanted): string[] {
  return envDigest === null ? [] : [envDigest];
}

function chooseServers(fleet: FleetView, here: Here, job: Job): Wanted[] {
  const { targets, machine } = job;
  const known = knownServers(fleet);
  const chosen =
    targets.length > 0 ? findTargets(targets, known, machine, identify) : all(known, here, machine);
  if (chosen.length === 0) {
    throw new NothingError('no server here to restart', 'Start one with `meowctl spawn`');
  }
  const wanted = changed(
    job,
    chosen.map((server) => withIntent(server, here, job)),
  );
  const fixed = wanted.find(
    (server) => server.intent.fixedPort && isAliveHere(server.record, job.machine),
  );
  if (fixed && !job.force) throw fixedPort(fixed);
  return wanted;
}

/** What was stopped comes back only where nothing else is wanted here. */
function all(known: readonly Known[], here: Here, machine: Machine): Known[] {
  const ours = known.filter((server) => here.has(server.id) && !livesElsewhere(server, machine));
  const wanted = ours.filter(({ id }) => here.get(id)?.state !== 'stopped');
  return wanted.length > 0 ? wanted : ours;
}

/** Of this host, in another container that shares its state folder. */
function livesElsewhere({ standing, record }: Known, machine: Machine): boolean {
  return standing === 'live' && !isHere(record, machine);
}

/** Each with what its successor is to serve. */
function changed(job: Job, wanted: readonly Wanted[]): Wanted[] {
  const { change, home, childEnv } = job;
  if (!change) return [...wanted];
  mustFit(job, change, wanted);
  return wanted.map((server) => ({
    ...server,
    next: changedApp(home, server.intent.spec, change, childEnv),
  }));
}

/** @throws UsageError where it cannot be meant for all of them */
function mustFit({ targets }: Job, change: AppChange, wanted: readonly Wanted[]): void {
  const specs = wanted.map(({ intent }) => intent.spec);
  const apps = distinctApps(specs);
  const isOfOne = change.isNamed || (change.spec.cwd !== null && !change.keepsFolder);
  if (apps.length > 1 && isOfOne && targets.length === 0) {
    const message = `servers of several apps run on this host: ${inWords(apps)}`;
    throw new UsageError(message, 'Say which servers to replace: by id, see `meowctl ls`');
  }
  const { health, healthStatus } = change.spec;
  if ((health !== null || healthStatus) && specs.some(isWorker)) {
    const message = 'a page of health for what takes no requests (--no-http)';
    throw new UsageError(message, 'Name the servers that are meant, by id: see `meowctl ls`');
  }
  const declared = new Set(specs.flatMap(({ env }) => env));
  const unknown = change.withdrawn?.find((name) => !declared.has(name));
  if (unknown === undefined) return;
  const names = [...declared].sort().join(', ');
  const file = specs.find(({ envFile }) => envFile !== undefined)?.envFile;
  const listed = names === '' ? 'Nothing is declared for them' : `Declared are ${names}`;
  const inFile = file === undefined ? '' : `; what stands in ${quote(file)} is taken out there`;
  const remedy = listed + inFile;
  throw new UsageError(`variable ${quote(unknown)} is not declared for these servers`, remedy);
}

function withIntent(server: Known, here: Here, { machine }: Job): Wanted {
  const intent = here.get(server.id);
  const { id, record } = server;
  if (!isOfHost(record, machine) || livesElsewhere(server, machine)) {
    throw new FailedError(
      'elsewhere',
      `server ${id} is on host ${record.host}`,
      'Restart it there',
    );
  }
  if (intent) return { ...server, intent, next: intent.spec };
  const message = `server ${id} was not spawned, so there is nothing to start it again with`;
  throw new FailedError('no-intent', message, 'Only what `spawn`, `scale` or `up` started can be');
}

function fixedPort({ id, record }: Known): FailedError {
  const message = `server ${id} has port ${record.port} for its own, so two cannot overlap`;
  return new FailedError('fixed-port', message, 'Use --force to stop it first');
}
