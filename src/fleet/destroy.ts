import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../config.ts';
import {
  FailedError,
  InterruptedError,
  type MeowError,
  NothingError,
  TimeoutError,
} from '../errors.ts';
import type { ServerRecord } from '../store/records.ts';
import type { Registry } from '../store/store.ts';
import {
  type End,
  isLostElsewhere,
  ORDER_STANDS,
  sayWhatIsElsewhere,
  together,
} from './elsewhere.ts';
import { terminate } from './launcher.ts';
import {
  INIT_PID,
  identify,
  isHere,
  isOfHost,
  isProcess,
  type Machine,
  thisMachine,
} from './process-identity.ts';
import { orderSuccessors } from './successors.ts';
import { findTargets, isUp, type Known, knownServers } from './targets.ts';
import { dropWanted } from './wanted-files.ts';

const POLL_MS = 25;

export interface DestroyDeps {
  /** The state folder. */
  readonly home: string;
  readonly registry: Pick<Registry, 'fleet' | 'orderRetire' | 'orderRetireUnlessLast' | 'forget'>;
}

export interface DestroyOptions {
  /** Ids, ports or urls. None: a random server that is up. */
  readonly targets: readonly string[];
  readonly all: boolean;
  /** Even the last one. `all` implies it. */
  readonly force: boolean;
  readonly drainMs: number;
  readonly drainGraceMs?: number;
  readonly termGraceMs?: number;
  readonly signal?: AbortSignal;
  /** Told at once of what is not this host's to end, in words. */
  say?(line: string): void;
}

export interface Destroyed {
  /** How many were to go. */
  readonly asked: number;
  /** Those that are gone, also the ones that had to be ended and are in `failed` too. */
  readonly gone: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

interface Job extends DestroyDeps, DestroyOptions {
  readonly machine: Machine;
  readonly known: readonly Known[];
}

/**
 * Asks servers, on whatever host, to leave, and waits until they have. One on this host that does
 * not is ended.
 * @throws UsageError, NothingError or FailedError before anything was done
 */
export async function destroyServers(
  deps: DestroyDeps,
  options: DestroyOptions,
): Promise<Destroyed> {
  const job: Job = {
    ...deps,
    ...options,
    machine: thisMachine(deps.home),
    known: knownServers(await deps.registry.fleet()),
  };
  const { ordered: named, refused } = await order(job);
  const ordered = [...named, ...(await orderTheirSuccessors(job, named))];
  sayWhatIsElsewhere(ordered, job.machine, (line) => job.say?.(line));
  const left = await waitUntilGone(job, ordered);
  const ends = await Promise.all(left.map((server) => end(job, server)));
  const gone = ordered.filter((server) => !left.includes(server)).map(({ record }) => record);
  return {
    asked: ordered.length + refused.length,
    gone: [...gone, ...present(ends.map((each) => each.gone))],
    failed: [...refused, ...together(left, ends, job.machine)],
  };
}

async function order(job: Job): Promise<{ ordered: Known[]; refused: MeowError[] }> {
  if (!job.all && job.targets.length === 0) {
    return { ordered: [await orderRandom(job)], refused: [] };
  }
  const { targets, known, machine } = job;
  const chosen = job.all ? [...known] : findTargets(targets, known, machine, identify);
  if (!job.all && !job.force) return orderSome(job, chosen);
  await orderAll(job, chosen);
  return { ordered: chosen, refused: [] };
}

/** A server that somebody else is taking out already does not count: then it is another one. */
async function orderRandom(job: Job): Promise<Known> {
  const up = shuffle(job.known.filter(isUp));
  for (const server of up) {
    const said = await orderUnlessLast(job, server);
    if (said === 'last' && !job.force) throw lastServer(server);
    if (said === 'last') await orderAll(job, [server]);
    if (said !== 'already') return server;
  }
  throw new NothingError('no server is up', 'Start one with `meowctl spawn`');
}

async function orderSome(job: Job, chosen: readonly Known[]) {
  const up = chosen.filter(isUp);
  const [first] = up;
  if (first && up.length === job.known.filter(isUp).length) throw lastServer(first);
  const ordered = chosen.filter((server) => !isUp(server));
  const refused: MeowError[] = [];
  await orderAll(job, ordered);
  for (const server of up) {
    const said = await orderUnlessLast(job, server);
    if (said === 'last') refused.push(lastServer(server));
    else ordered.push(server);
  }
  return { ordered, refused };
}

/** Only what does not run can have been started again. */
function orderTheirSuccessors(job: Job, named: readonly Known[]): Promise<Known[]> {
  const dead = named.filter((server) => !runsHere(job, server));
  const fleet = () => job.registry.fleet();
  return orderSuccessors({ fleet, order: (servers) => orderAll(job, servers) }, dead);
}

async function orderUnlessLast(job: Job, server: Known) {
  const { registry, drainMs } = job;
  const said = await registry.orderRetireUnlessLast(server.id, drainMs, !isOurs(job, server));
  if (said !== 'last' && isOurs(job, server)) dropWanted(job.home, server.id);
  return said;
}

/** What is wanted elsewhere is told to that host, however long it is off. */
async function orderAll(job: Job, servers: readonly Known[]): Promise<void> {
  const { registry, home, drainMs } = job;
  const ids = (ours: boolean) =>
    servers.filter((server) => isOurs(job, server) === ours).map(({ id }) => id);
  await registry.orderRetire(ids(true), drainMs);
  for (const id of ids(true)) dropWanted(home, id);
  await registry.orderRetire(ids(false), drainMs, true);
}

function isOurs({ machine }: Job, { record }: Known): boolean {
  return isOfHost(record, machine);
}

/** @returns those that are still there when the limit has passed */
async function waitUntilGone(job: Job, ordered: readonly Known[]): Promise<Known[]> {
  const startMs = performance.now();
  let now = job.known;
  let left = [...ordered];
  for (;;) {
    left = await stillThere(job, left, now);
    const waitedMs = performance.now() - startMs;
    if (left.every((server) => waitedMs >= patienceMs(job, server))) return left;
    if (job.signal?.aborted) throw interrupted(left);
    // Again and again: a Redis that was emptied meanwhile has lost the order.
    await orderAll(job, left);
    await pause(POLL_MS);
    now = knownServers(await job.registry.fleet());
  }
}

/** A living server beats, and so hears its order, within a lease; a lost one elsewhere may be off. */
function patienceMs(job: Job, server: Known): number {
  const { drainMs, drainGraceMs = defaults.drainGraceMs } = job;
  const limit = drainMs + drainGraceMs;
  return isLostElsewhere(server, job.machine) ? Math.min(limit, defaults.leaseMs) : limit;
}

async function stillThere(job: Job, waiting: readonly Known[], known: readonly Known[]) {
  const standing = new Map(known.map(({ id, standing }) => [id, standing]));
  const left: Known[] = [];
  for (const server of waiting) {
    const state = standing.get(server.id) ?? 'intent';
    if (state === 'live' || runsHere(job, server) || (state === 'lost' && !isDead(job, server))) {
      left.push(server);
    } else if (isDead(job, server)) await job.registry.forget(server.id);
  }
  return left;
}

function runsHere({ machine }: Job, { record }: Known): boolean {
  return isHere(record, machine) && isProcess(record, identify(record.pid));
}

/** Provably: this machine has no such process, or has been started again since. */
function isDead(job: Job, server: Known): boolean {
  return isOfHost(server.record, job.machine) && !runsHere(job, server);
}

/** What asking did not end in time. */
async function end(job: Job, server: Known): Promise<End> {
  const { record, id } = server;
  if (record.pid === INIT_PID) return stays(job, server, 'is process 1, which no record ends');
  if (!isHere(record, job.machine)) return stays(job, server, `is on host ${record.host}`);
  if (!runsHere(job, server)) return stays(job, server, `cannot be told by its pid ${record.pid}`);
  const condemned = { pid: record.pid, isIt: () => runsHere(job, server) };
  const ending = await terminate(condemned, job.termGraceMs ?? defaults.termGraceMs);
  if (ending === 'alive') return stays(job, server, 'outlives SIGKILL');
  await job.registry.forget(id);
  if (ending === 'gone') return { gone: record, failed: null };
  const how = ending === 'killed' ? 'SIGKILL' : 'SIGTERM';
  const message = `${nameOf(server)} did not leave within ${limitOf(job)}, and was ended by ${how}`;
  return {
    gone: record,
    failed: new TimeoutError('not-drained', message, 'Its log in the state folder may tell why'),
  };
}

function stays(job: Job, server: Known, why: string): End {
  const message = `${nameOf(server)} did not leave within ${patienceMs(job, server) / 1_000} s; it ${why}`;
  return { gone: null, failed: new TimeoutError('not-drained', message, ORDER_STANDS) };
}

function limitOf({ drainMs, drainGraceMs = defaults.drainGraceMs }: Job): string {
  return `${(drainMs + drainGraceMs) / 1_000} s`;
}

function nameOf({ id, record }: Known): string {
  return `server ${id} on port ${record.port}`;
}

function lastServer(server: Known): FailedError {
  const message = `${nameOf(server)} is the last one`;
  return new FailedError('last-server', message, 'Use --force to take the last one too');
}

function interrupted(left: readonly Known[]): InterruptedError {
  const ids = left.map(({ id }) => id).join(', ');
  return new InterruptedError(`interrupted while waiting for ${ids}`, 'The orders to leave stand');
}

function shuffle<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function present<T>(items: readonly (T | null)[]): T[] {
  return items.filter((item): item is T => item !== null);
}
