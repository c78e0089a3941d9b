import type { Registry } from '../../store/store.ts';
import { until } from '../../time/until.ts';

/** Soon at first; each look is at all that every door says. */
const pollMs = (looks: number) => Math.min(10 * looks, 100);

export interface DoorSettings {
  /** How long each door may take to use a new server. */
  readonly doorsTakeMs: number;
}

interface Waiting {
  readonly settings: DoorSettings;
  readonly registry: Pick<Registry, 'doors'>;
  readonly signal: AbortSignal;
}

/** Waits until every door uses a server. @returns the first that does not in time, or null */
export async function doorWithout(
  id: string,
  { registry, signal, settings }: Waiting,
): Promise<string | null> {
  let without = '';
  const look = async () => {
    const doors = await registry.doors();
    const door = doors.find(({ roster }) => roster[id]?.state !== 'usable');
    const verdict = door?.roster[id];
    const why = verdict ? `${verdict.state} ${verdict.reason}`.trim() : 'not seen';
    without = `${door?.url}: ${why}`;
    return door === undefined;
  };
  const polling = { everyMs: pollMs, withinMs: settings.doorsTakeMs, signal };
  return (await until(look, polling)) === null ? without : null;
}
