import { InterruptedError, type MeowError } from '../../errors.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { type Steps, untold } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { monotonicClock, until } from '../../time/until.ts';
import type { LeaveSettings } from '../destroy/destroy-run.ts';
import { notDrained, stopServers } from '../destroy/stop.ts';

export interface StopDeps {
  readonly settings: LeaveSettings & Readonly<Record<'drainMs' | 'leaseMs', number>>;
  readonly registry: Pick<Registry, 'note'>;
  readonly desired: {
    /** False where somebody else was first. */
    mark(desired: SignedServer, state: 'stopped'): Promise<boolean>;
  };
  readonly steps?: Steps;
}

export interface StillServing {
  /** Servers that were spawned, and serve. */
  readonly serving: readonly ServerRecord[];
  /** What is wanted of them and of those that do not run, by id. */
  readonly here: ReadonlyMap<string, SignedServer>;
}

export interface Stopped {
  readonly gone: readonly ServerRecord[];
  readonly failed: readonly MeowError[];
}

const POLL_MS = 50;

/**
 * Stops servers so that they are remembered: they stay desired, as `stopped`, and are marked before
 * they leave, so that nobody starts them again. Of two who do so at once, one tells each
 * server: a second signal would cut it short.
 */
export async function stopAndRemember(
  deps: StopDeps,
  look: () => Promise<StillServing>,
  signal: AbortSignal,
  clock = monotonicClock,
): Promise<Stopped> {
  const { settings, registry, steps = untold } = deps;
  const { drainMs } = settings;
  const told = new Map<string, ServerRecord>();
  const failed: MeowError[] = [];
  const patienceEndsMs = clock.nowMs() + settings.leaseMs;
  const stopSome = async (): Promise<Stopped | null> => {
    const { serving, here } = await look();
    const left = serving.filter(({ id }) => !told.has(id));
    const marked = await markAll(deps, here, clock.nowMs() > patienceEndsMs);
    if (left.length === 0 || signal.aborted) {
      return { gone: [...told.values()], failed: [...failed, ...interrupted(left)] };
    }
    const next = left.filter(({ id }) => marked.has(id));
    for (const record of next) told.set(record.id, record);
    const killed = await stopServers(next, { drainMs, settings, registry, signal, steps });
    failed.push(...killed.map(notDrained));
    return null;
  };
  return until(stopSome, { everyMs: POLL_MS, clock });
}

/**
 * @param again also those that somebody else has marked, who was cut off, it seems
 * @returns the ids of those that nobody else marked
 */
async function markAll(deps: StopDeps, here: StillServing['here'], again: boolean) {
  const marked = new Set<string>();
  for (const [id, desired] of here) {
    const isMarked = desired.state === 'stopped' && !again;
    if (!isMarked && (await deps.desired.mark(desired, 'stopped'))) marked.add(id);
  }
  return marked;
}

function interrupted(left: readonly ServerRecord[]): InterruptedError[] {
  if (left.length === 0) return [];
  const ids = left.map(({ id }) => id).join(', ');
  return [new InterruptedError(`interrupted while waiting for ${ids}`, 'See `meowctl ls`')];
}
