import { isOutage, StoreError } from '../../errors.ts';
import { type FleetEvent, lastId } from '../../model/event.ts';
import type { Events } from '../../store/events/events.ts';
import { until } from '../../time/until.ts';

const KEPT = 20;
/** A look sends nothing while Redis is away; the screen waits no longer for its end. */
const AGAIN_MS = 200;

/**
 * The fleet's last events, as they happen.
 * @param onNews told whenever there are others
 * @returns the events, oldest first
 */
export function watchRecentEvents(
  events: Pick<Events, 'read' | 'follow'>,
  signal: AbortSignal,
  onNews: () => void,
): { list(): readonly FleetEvent[]; readonly over: Promise<void> } {
  let kept: readonly FleetEvent[] = [];
  const add = (more: readonly FleetEvent[]) => {
    kept = [...kept, ...more].slice(-KEPT);
    onNews();
  };
  const read = () => events.read({ limit: KEPT }).catch(duringOutage);
  const follow = async () => {
    const found = await until(read, { everyMs: AGAIN_MS, withinMs: Infinity, signal });
    add(found ?? []);
    await events.follow(lastId(kept), add, signal);
  };
  // Where Redis has none of them, or lets this user read none, the rest is shown all the same.
  const over = follow().catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
  });
  return { list: () => kept, over };
}

function duringOutage(error: unknown): null {
  if (isOutage(error)) return null;
  throw error;
}
