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

  /** @param deaths those of its forerunners */
  add(record: ServerRecord, deaths: CrashHistory): void {
    this.#servers.set(record.id, { record, deaths });
  }

  /**
   * Why one more would be too many; null where it is not.
   * @param wanted how many servers are wanted on this host
   * @param starting how many are being started
   */
  tooMany(
    deaths: CrashHistory,
    fleet: FleetView,
    desiredCount: number,
    starting: number,
  ): string | null {
    const living = this.#living(fleet);
    const heir = living.find((one) => one.deaths === deaths);
    if (heir) return `${heir.record.id}, which took its place, still runs`;
    if (living.length + starting < desiredCount) return null;
    return `${living.length} that were started here run already, and ${desiredCount} are wanted`;
  }

  /** One that leaves is nobody's server any more. */
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
