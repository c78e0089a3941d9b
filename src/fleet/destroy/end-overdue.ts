import { TimeoutError } from '../../errors.ts';
import { INIT_PID, isAliveHere, isHere } from '../../process/identity.ts';
import { terminate } from '../../process/terminate.ts';
import type { KnownServer } from '../targets/servers.ts';
import { type Job, leaveWithinMs, nameOf } from './destroy-run.ts';
import { isLostOnOtherHost, type LeaveOutcome, ORDER_STANDS } from './other-hosts.ts';

/**
 * How long it gets to leave. A living server beats, and so hears its order, within a lease; a lost
 * server on another host may be powered down.
 */
export function patienceMs(job: Job, server: KnownServer): number {
  const limit = limitMs(job, server);
  return isLostOnOtherHost(server, job.machine) ? Math.min(limit, job.settings.leaseMs) : limit;
}

/** Ends a server that did not obey its drain order in time. */
export async function end(job: Job, server: KnownServer): Promise<LeaveOutcome> {
  const { record, id } = server;
  if (record.pid === INIT_PID) return stays(job, server, 'is process 1, which no record ends');
  if (!isHere(record, job.machine)) return stays(job, server, `is on host ${record.host}`);
  const isIt = () => isAliveHere(record, job.machine);
  if (!isIt()) return stays(job, server, `cannot be verified by its pid ${record.pid}`);
  const graceMs = record.killMs ?? job.settings.termGraceMs;
  const ending = await terminate({ pid: record.pid, isIt }, graceMs);
  if (ending === 'alive') return stays(job, server, 'outlives SIGKILL');
  const how = ending === 'killed' ? 'SIGKILL' : 'SIGTERM';
  const late = `did not leave within ${limitMs(job, server) / 1_000} s, and was ended by ${how}`;
  await job.registry.forget(id, undefined, ending === 'gone' ? '' : `it ${late}`);
  if (ending === 'gone') return { gone: record, failed: null };
  const message = `${nameOf(server)} ${late}`;
  return {
    gone: record,
    failed: new TimeoutError('not-drained', message, 'Its log in the state folder may tell why'),
  };
}

function stays(job: Job, server: KnownServer, why: string): LeaveOutcome {
  const message = `${nameOf(server)} did not leave within ${patienceMs(job, server) / 1_000} s; it ${why}`;
  return { gone: null, failed: new TimeoutError('not-drained', message, ORDER_STANDS) };
}

function limitMs({ drainMs, settings }: Job, { record }: KnownServer): number {
  return leaveWithinMs(record, drainMs, settings);
}
