import { FailedError, NothingError, UsageError } from '../../errors.ts';
import { type AppSpec, isWorker } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { Variables } from '../../model/variables.ts';
import { identify, isAliveHere, isHere, isOfHost, type Machine } from '../../process/identity.ts';
import { quote } from '../../text.ts';
import type { Here } from '../scale/servers-here.ts';
import { distinctApps, inWords } from '../targets/app.ts';
import { type AppChange, changedApp } from '../targets/changed-app.ts';
import { findTargets, type KnownServer, knownServers } from '../targets/servers.ts';

/** A server that is to be replaced, what was asked of it, and what its successor serves. */
export interface Replacement extends KnownServer {
  readonly desired: SignedServer;
  readonly next: AppSpec;
}

export interface PlanOptions {
  /** Ids, ports or urls; none: every server of this host that was asked for. */
  readonly targets: readonly string[];
  /** One with a fixed port is stopped before its successor starts. */
  readonly force: boolean;
  /** What is new about what they serve. */
  readonly change?: AppChange | null;
  readonly machine: Machine;
  readonly home: string;
  readonly childEnv: Variables;
}

/**
 * Which servers of this host a restart replaces, in that order, and what their successors serve.
 * Values of variables that are new are kept meanwhile; nothing else is done yet.
 * @param here what is desired on this host
 * @throws NothingError, UsageError or FailedError
 */
export function planRestart(fleet: FleetView, here: Here, options: PlanOptions): Replacement[] {
  const { targets, machine } = options;
  const known = knownServers(fleet);
  const chosen =
    targets.length > 0 ? findTargets(targets, known, machine, identify) : all(known, here, machine);
  if (chosen.length === 0) {
    throw new NothingError('no server here to restart', 'Start one with `meowctl spawn`');
  }
  const servers = chosen.map((server) => withDesired(server, here, machine));
  const plan = changed(servers, options);
  const fixed = plan.find(
    ({ desired, record }) => desired.fixedPort && isAliveHere(record, machine),
  );
  if (fixed && !options.force) throw fixedPort(fixed);
  return plan;
}

/** What was stopped comes back only where nothing else is wanted here. */
function all(known: readonly KnownServer[], here: Here, machine: Machine): KnownServer[] {
  const candidates = known.filter(
    (server) => here.has(server.id) && !livesElsewhere(server, machine),
  );
  const active = candidates.filter(({ id }) => here.get(id)?.state !== 'stopped');
  return active.length > 0 ? active : candidates;
}

/** Whether it lives in another container that shares our state folder. */
function livesElsewhere({ standing, record }: KnownServer, machine: Machine): boolean {
  return standing === 'live' && !isHere(record, machine);
}

/** Each with what its successor is to serve. */
function changed(
  servers: readonly Replacement[],
  { targets, change, home, childEnv }: PlanOptions,
): Replacement[] {
  if (!change) return [...servers];
  const specs = servers.map(({ desired }) => desired.spec);
  mustFit(specs, change, targets.length > 0);
  return servers.map((server) => ({
    ...server,
    next: changedApp(home, server.desired.spec, change, childEnv),
  }));
}

/** @throws UsageError where it cannot be meant for all of them */
function mustFit(specs: readonly AppSpec[], change: AppChange, areNamed: boolean): void {
  const apps = distinctApps(specs);
  const isOfOne = change.isNamed || (change.spec.cwd !== null && !change.keepsFolder);
  if (apps.length > 1 && isOfOne && !areNamed) {
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

function withDesired(server: KnownServer, here: Here, machine: Machine): Replacement {
  const desired = here.get(server.id);
  const { id, record } = server;
  if (!isOfHost(record, machine) || livesElsewhere(server, machine)) {
    throw new FailedError(
      'elsewhere',
      `server ${id} is on host ${record.host}`,
      'Restart it there',
    );
  }
  if (desired) return { ...server, desired, next: desired.spec };
  const message = `server ${id} was not spawned, so there is nothing to start it again with`;
  throw new FailedError(
    'not-desired',
    message,
    'Only what `spawn`, `scale` or `up` started can be',
  );
}

function fixedPort({ id, record }: KnownServer): FailedError {
  const message = `server ${id} has port ${record.port} for its own, so two cannot overlap`;
  return new FailedError('fixed-port', message, 'Use --force to stop it first');
}
