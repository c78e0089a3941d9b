import { InterruptedError, type MeowError } from '../../errors.ts';
import { catSpec, nameOfApp } from '../../model/app-spec.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { isAliveHere, isOfHost, thisMachine } from '../../process/identity.ts';
import { GONE, LEAVES, untold } from '../../steps.ts';
import { quote } from '../../text.ts';
import { monotonicClock, until } from '../../time/until.ts';
import { type KnownServer, knownServers } from '../targets/servers.ts';
import { type DestroyDeps, type DestroyOptions, type Job, nameOf } from './destroy-run.ts';
import { end, patienceMs } from './end-overdue.ts';
import { order, orderTheirSuccessors, writeOrders } from './orders.ts';
import { type LeaveOutcome, sayWhatIsOnOtherHosts, together } from './other-hosts.ts';

export type { DestroyDeps, DestroyOptions } from './destroy-run.ts';

const POLL_MS = 25;

/** A server that has left, and after how long its app had to be killed. */
interface Gone extends ServerRecord {
  readonly killedAfterMs?: number;
}

export interface Destroyed {
  /** How many were to go. */
  readonly asked: number;
  /** The servers that are gone, also those that had to be ended and are in `failed` too. */
  readonly gone: readonly Gone[];
  readonly failed: readonly MeowError[];
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
  sayWhatIsOnOtherHosts(ordered, job.machine, (line) => job.say?.(line));
  const left = await waitUntilGone(job, ordered);
  const ends = await Promise.all(left.map((server) => endAndTell(job, server)));
  const gone = ordered.filter((server) => !left.includes(server));
  return {
    asked: ordered.length + refused.length,
    gone: [
      ...(await Promise.all(gone.map((server) => asGone(job, server)))),
      ...present(ends.map((each) => each.gone)),
    ],
    failed: [...refused, ...together(left, ends, job.machine)],
  };
}

async function endAndTell(job: Job, server: KnownServer): Promise<LeaveOutcome> {
  const ended = await end(job, server);
  if (ended.failed) job.steps?.failed(server.id, ended.failed);
  else job.steps?.done(server.id, GONE);
  return ended;
}

/** Says of a server that has left by itself whether its app did, too. */
async function asGone(job: Job, server: KnownServer): Promise<Gone> {
  const { record } = server;
  if (record.app === nameOfApp(catSpec)) return record;
  const killedAfterMs = await job.registry.killedAfter(record.id);
  if (killedAfterMs === null) return record;
  const after = `killed after ${killedAfterMs / 1_000} s`;
  job.say?.(`${nameOf(server)}: ${quote(record.app)} did not end by itself: ${after}`);
  return { ...record, killedAfterMs };
}

/** @returns those that are still there when the limit has passed */
async function waitUntilGone(
  job: Job,
  ordered: readonly KnownServer[],
  clock = monotonicClock,
): Promise<KnownServer[]> {
  const startMs = clock.nowMs();
  let known: readonly KnownServer[] | null = job.known;
  const { steps = untold } = job;
  let left = [...ordered];
  for (const { id, record } of ordered) steps.now(id, record.worker ? 'ends' : LEAVES);
  const look = async () => {
    const before = left;
    known ??= knownServers(await job.registry.fleetOf(left.map(({ id }) => id)));
    left = await stillThere(job, left, known);
    known = null;
    for (const server of before) if (!left.includes(server)) steps.done(server.id, GONE);
    const waitedMs = clock.nowMs() - startMs;
    if (left.every((server) => waitedMs >= patienceMs(job, server))) return true;
    if (job.signal?.aborted) throw interrupted(left);
    // Again and again: a Redis that was emptied meanwhile has lost the order.
    await writeOrders(job, left, true);
    return false;
  };
  await until(look, { everyMs: POLL_MS, clock });
  return left;
}

// Of this host, one without a process and without a lease is provably gone; of another, its record tells.
async function stillThere(
  job: Job,
  waiting: readonly KnownServer[],
  known: readonly KnownServer[],
) {
  const standings = new Map(known.map(({ id, standing }) => [id, standing]));
  const left: KnownServer[] = [];
  for (const server of waiting) {
    const standing = standings.get(server.id) ?? 'desired';
    const isOurs = isOfHost(server.record, job.machine);
    const isLost = standing === 'lost' && !isOurs;
    if (standing === 'live' || isLost || isAliveHere(server.record, job.machine)) left.push(server);
    else if (isOurs)
      await job.registry.forget(server.id, undefined, 'its process had ended already');
  }
  return left;
}

function interrupted(left: readonly KnownServer[]): InterruptedError {
  const ids = left.map(({ id }) => id).join(', ');
  return new InterruptedError(`interrupted while waiting for ${ids}`, 'The orders to leave stand');
}

function present<T>(items: readonly (T | null)[]): T[] {
  return items.filter((item): item is T => item !== null);
}
