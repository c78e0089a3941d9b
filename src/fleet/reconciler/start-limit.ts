import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { isAlive } from '../../process/identity.ts';
import type { CrashHistory } from './backoff.ts';

/**
 * What a reconciler has started. Whatever else goes wrong, it is the brake: no more of them live than
 * are wanted, and one at a time of those that took each other's place.
 */
export class Started {
  readonly #servers = new Map<string, { record: ServerRecord; deaths: CrashHistory }>();

  /** @param deaths its own, and those of its predecessors */
  add(record: ServerRecord, deaths: CrashHistory): void {
    this.#servers.set(record.id, { record, deaths });
  }

  /**
   * Why one more would be too many; null where it is not.
   * @param deaths of the one to be started, and of its predecessors
   * @param desiredCount how many servers are wanted on this host
   * @param starting how many are being started
   */
  tooMany(
    deaths: CrashHistory,
    fleet: FleetView,
    desiredCount: number,
    starting: number,
  ): string | null {
    const living = this.#living(fleet);
    const successor = living.find((one) => one.deaths === deaths);
    if (successor) return `${successor.record.id}, which took its place, still runs`;
    if (living.length + starting < desiredCount) return null;
    return `${living.length} that were started here run already, and ${desiredCount} are wanted`;
  }

  /** Those that run, without those that are leaving: their places are free. */
  #living({ servers }: FleetView) {
    const leaving = new Set(
      servers.filter(({ record }) => record.state === 'draining').map(({ record }) => record.id),
    );
    for (const [id, { record }] of this.#servers) {
      if (!isAlive(record)) this.#servers.delete(id);
    }
    return [...this.#servers.values()].filter(({ record }) => !leaving.has(record.id));
  }
}
