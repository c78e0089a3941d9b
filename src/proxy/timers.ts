import { repeat } from '../loop.ts';
import type { DoorContext } from './exchange/context.ts';

const TURN_MS = 1_000;

/**
 * Looks at every request in flight a few times a second: one timer for all, where a client library
 * sets and clears three for each. Also keeps the door's coarse clock and the retry budget's second.
 * @param lookAtClients is called each second
 * @returns what ends it
 */
export function startTimers(
  context: DoorContext,
  lookAtClients: (nowMs: number) => void,
  log: (line: string) => void,
): () => void {
  const looks = repeat({
    name: 'limits of requests',
    every: () => context.options.doorWatchMs,
    work: () => look(context),
    log,
  });
  const turns = repeat({
    name: 'retry budget',
    every: () => TURN_MS,
    work: () => context.retryPolicy.turn(),
    log,
  });
  const seconds = repeat({
    name: 'figures',
    every: () => TURN_MS,
    work: () => context.figures?.turn(),
    log,
  });
  const clients = repeat({
    name: 'clients that do not read',
    every: () => TURN_MS,
    work: () => lookAtClients(context.nowMs),
    log,
  });
  return () => {
    void clients.stop();
    void looks.stop();
    void turns.stop();
    void seconds.stop();
  };
}

function look(context: DoorContext): void {
  context.nowMs = performance.now();
  context.starts.look();
  for (const { pending } of context.pool.all()) {
    for (const request of pending.list()) request.check(context.nowMs);
  }
}
