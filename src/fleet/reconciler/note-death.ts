import { exitInLog } from '../../logs/exit-line.ts';
import { RECONCILER } from '../../model/event.ts';
import type { Registry } from '../../store/store.ts';
import type { ServerProgram } from '../spawn/serve-command.ts';
import { type CrashSettings, oftenInWords, type RestartDecision } from './backoff.ts';

type Events = Pick<Registry, 'note'>;

/** How the process of a server ended: by what we were told, or else by its log; null for unknown. */
export async function howItDied(
  { home, ends }: Pick<ServerProgram, 'home' | 'ends'>,
  id: string,
): Promise<string | null> {
  return (await ends?.of(id)) ?? exitInLog(home, id);
}

/**
 * Tells whoever looks at the fleet's events that the process of a desired server has died.
 * @param how it ended, where that is known
 */
export function noteLost(
  events: Events,
  { id, pid, how }: { id: string; pid: number; how: string | null },
): void {
  const why = `its process ${pid} ${how === null ? 'ended' : `${how},`} without leaving`;
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
