import { RECONCILER } from '../../model/event.ts';
import type { Registry } from '../../store/store.ts';
import { type CrashSettings, oftenInWords, type RestartDecision } from './backoff.ts';

/** The process that served a desired server. */
interface Dead {
  readonly id: string;
  readonly pid: number;
}

/** Tells whoever looks at the fleet's events of a death, and of a server that is given up for it. */
export function noteDeath(
  registry: Pick<Registry, 'note'>,
  decision: RestartDecision,
  { id: server, pid }: Dead,
  settings: CrashSettings,
): void {
  const about = { server, by: RECONCILER };
  registry.note({ kind: 'lost', ...about, why: `its process ${pid} ended without leaving` });
  if (decision.next !== 'crashed') return;
  registry.note({ kind: 'crashed', ...about, why: oftenInWords(decision, settings) });
}
