import { TimeoutError } from '../../errors.ts';
import { finishWithin } from '../../model/event.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { type ClaimedProcess, INIT_PID, isAlive } from '../../process/identity.ts';
import { terminate } from '../../process/terminate.ts';
import { GONE, LEAVES, type Steps, untold } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { type Leaver, type LeaveSettings, leaveWithinMs } from './destroy-run.ts';

type Named = Pick<ServerRecord, 'id' | 'port'>;

interface StopOptions {
  /** How long each may finish. */
  readonly drainMs: number;
  readonly settings: LeaveSettings;
  /** Takes an event of each that is told: a signal does not say who sent it. */
  readonly registry: Pick<Registry, 'note'>;
  /** Why, for the event. */
  readonly why?: string;
  /** Ends the waiting: those that were told leave all the same. */
  readonly signal?: AbortSignal;
  /** Told of each. */
  readonly steps?: Steps;
}

/**
 * Ends servers of this host by SIGTERM: each finishes its requests and stays desired,
 * marked stopped. One that does not is killed.
 * @returns those that had to be killed
 */
export async function stopServers<T extends ClaimedProcess & Leaver & Named>(
  servers: readonly T[],
  { drainMs, settings, registry, why, signal, steps = untold }: StopOptions,
): Promise<readonly T[]> {
  const words = [finishWithin(drainMs), why].filter(Boolean).join(', ');
  const endings = await Promise.all(
    servers.map(async (record) => {
      const target = {
        pid: record.pid,
        isIt: () => record.pid !== INIT_PID && !signal?.aborted && isAlive(record),
      };
      // Who went before, by `destroy` or a `restart`, does not go now.
      if (!target.isIt()) return [];
      steps.now(record.id, LEAVES);
      registry.note({ kind: 'ordered', server: record.id, why: words });
      const ending = await terminate(target, leaveWithinMs(record, drainMs, settings));
      const isKilled = ending === 'killed' || ending === 'alive';
      if (isKilled) steps.failed(record.id, notDrained(record));
      else steps.done(record.id, GONE);
      return isKilled ? [record] : [];
    }),
  );
  return endings.flat();
}

/** What is said of one that had to be killed. */
export function notDrained({ id, port }: Named): TimeoutError {
  const message = `server ${id} on port ${port} did not leave in time, and was ended by SIGKILL`;
  return new TimeoutError('not-drained', message, `Its log may tell why: \`meowctl logs ${id}\``);
}
