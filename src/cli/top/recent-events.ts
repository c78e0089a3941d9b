import { StoreError } from '../../errors.ts';
import { type FleetEvent, lastId } from '../../model/event.ts';
import type { Events } from '../../store/events/events.ts';

const KEPT = 20;

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
  const follow = async () => {
    add(await events.read({ limit: KEPT }));
    await events.follow(lastId(kept), add, signal);
  };
  // Where Redis has none of them, or lets this user read none, the rest is shown all the same.
  const over = follow().catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
  });
  return { list: () => kept, over };
}
