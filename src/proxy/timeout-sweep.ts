import type { DoorContext } from './exchange/context.ts';

const TURN_MS = 1_000;

/**
 * Looks at every request in flight a few times a second: one timer for all, where a client library
 * sets and clears three for each. Also keeps the door's coarse clock and the retry budget's second.
 * @returns what ends it
 */
export function startSweep(context: DoorContext): () => void {
  const look = setInterval(() => {
    context.nowMs = performance.now();
    context.starts.look();
    for (const { pending } of context.pool.all()) {
      for (const request of pending.list()) request.check(context.nowMs);
    }
  }, context.options.doorWatchMs);
  const turn = setInterval(() => context.retryPolicy.turn(), TURN_MS);
  return () => {
    clearInterval(look);
    clearInterval(turn);
  };
}
