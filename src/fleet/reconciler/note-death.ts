import { RECONCILER } from '../../model/event.ts';
import type { Registry } from '../../store/store.ts';
import { type CrashSettings, oftenInWords, type RestartDecision } from './backoff.ts';

type Events = Pick<Registry, 'note'>;

/** Tells whoever looks at the fleet's events that the process of a desired server has died. */
export function noteLost(events: Events, { id, pid }: { id: string; pid: number }): void {
  const why = `its process ${pid} ended without leaving`;
  events.note({ kind: 'lost', server: id, by: RECONCILER, why });
}

/** Tells them that a desired server is given up, where that is what was decided. */
export function noteCrashed(
  events: Events,
  id: string,
  decision: RestartDecision,
  settings: CrashSettings,
): void {
  if (decision.next !== 'crashed') return;
  events.note({
    kind: 'crashed',
    server: id,
    by: RECONCILER,
    why: oftenInWords(decision, settings),
  });
}
