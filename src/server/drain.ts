import { debug } from '../debug.ts';
import type { BeatReply } from '../model/beat-reply.ts';
import { type Clock, monotonicClock, type Polling, until } from '../time/until.ts';
import type { Connections } from './connections.ts';

export interface DrainLimits {
  /** How long doors may take to acknowledge that it leaves. */
  readonly ackWaitMs: number;
  readonly closeIdleAfterAckMs: number;
}

export interface RetireDeps {
  readonly connections: Connections;
  /** Writes the record as `draining`; null when Redis did not answer. */
  look(): Promise<BeatReply | null>;
  /** Told when no door sends it anything new. */
  doorsLeft(): void;
  stopListening(): void;
  /** Aborted to cut what is left. */
  readonly cut: AbortSignal;
  readonly clock?: Clock;
}

const LOOK_MS = 50;
/** Doors acknowledge within a few ms as a rule, so the first looks follow quickly. */
const FIRST_LOOK_MS = 10;

/**
 * Leaves in order: announces it, waits until every door has acknowledged, finishes what is in flight, ends.
 * @param drainMs how long requests may finish
 * @returns how many connections had to be cut
 */
export async function retire(
  deps: RetireDeps,
  drainMs: number,
  limits: DrainLimits,
): Promise<number> {
  const { connections, cut, clock = monotonicClock } = deps;
  const end = clock.nowMs() + drainMs;
  debug.fleet?.(`drains within ${drainMs} ms`);
  connections.refuseNew();
  await acknowledged(deps, limits.ackWaitMs);
  debug.fleet?.('doors send nothing more');
  deps.doorsLeft();
  await until(() => cut.aborted, within(limits.closeIdleAfterAckMs, clock));
  connections.closeIdle();
  deps.stopListening();
  const isDone = () => cut.aborted || connections.open() === 0;
  await until(isDone, within(end - clock.nowMs(), clock));
  const open = connections.open();
  debug.fleet?.(`ends with ${open} connections open`);
  connections.cut();
  return open;
}

/** Leaves as a worker, to which no door sends requests: its app may finish its work. */
export async function retireWorker(
  deps: Omit<RetireDeps, 'doorsLeft'>,
  finish: () => Promise<void>,
  drainMs: number,
): Promise<number> {
  const { connections, look, stopListening, cut, clock = monotonicClock } = deps;
  const end = clock.nowMs() + drainMs;
  let finished = false;
  connections.refuseNew();
  await look();
  void finish().then(() => {
    finished = true;
  });
  await until(() => finished || cut.aborted, within(end - clock.nowMs(), clock));
  stopListening();
  const open = connections.open();
  connections.cut();
  return open;
}

/** Waits until every door that was seen has acknowledged the leave, or the time is up. */
async function acknowledged(deps: RetireDeps, withinMs: number): Promise<void> {
  const { look, cut: signal, clock = monotonicClock } = deps;
  const seen = new Set<string>();
  const areAllIn = async () => {
    const reply = await look();
    for (const door of reply?.doors ?? []) seen.add(door);
    const acks = new Set(reply?.acks);
    return reply !== null && [...seen].every((door) => acks.has(door));
  };
  const everyMs = (looks: number) => Math.min(FIRST_LOOK_MS * 2 ** (looks - 1), LOOK_MS);
  await until(areAllIn, { everyMs, withinMs, signal, clock });
}

function within(ms: number, clock: Clock): Polling {
  return { everyMs: Math.min(LOOK_MS, ms), withinMs: ms, clock };
}
