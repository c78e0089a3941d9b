import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../../defaults.ts';
import type { Registry } from '../../store/store.ts';

const POLL_MS = 10;

interface Waiting {
  readonly registry: Pick<Registry, 'fleet'>;
  readonly signal: AbortSignal;
}

/** Waits until every door uses a server. @returns the first that does not in time, or null */
export async function doorWithout(
  id: string,
  { registry, signal }: Waiting,
): Promise<string | null> {
  const limit = performance.now() + defaults.doorsTakeMs;
  for (;;) {
    const { doors } = await registry.fleet();
    const without = doors.find(({ roster }) => roster[id]?.state !== 'usable');
    if (!without) return null;
    const verdict = without.roster[id];
    const why = verdict ? `${verdict.state} ${verdict.reason}`.trim() : 'not seen';
    if (performance.now() > limit || signal.aborted) return `${without.url}: ${why}`;
    await pause(POLL_MS);
  }
}
