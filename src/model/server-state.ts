import { type DesiredServer, recordOfDesired } from './desired-server.ts';
import { type FleetView, isLeased } from './fleet-view.ts';
import type { ServerRecord, ServerState } from './server-record.ts';

export interface Standing {
  /** Made from what was asked for where there is none. */
  readonly record: ServerRecord;
  readonly state: ServerState;
  /** What was asked for; null where it was run by hand. */
  readonly desired: DesiredServer | null;
  readonly hasRecord: boolean;
}

/** Every server that has a record, or that is wanted and has none; in no order. */
export function standings({
  servers,
  desiredServers,
}: Pick<FleetView, 'servers' | 'desiredServers'>): Standing[] {
  const found: Standing[] = servers.map((listing) => {
    const { record } = listing;
    const desired = desiredServers.get(record.id) ?? null;
    const last = isLeased(listing) ? record.state : 'lost';
    const state = desired?.state === 'crashed' ? 'crashed' : last;
    return { record, state, desired, hasRecord: true };
  });
  const known = new Set(found.map(({ record }) => record.id));
  for (const [id, desired] of desiredServers) {
    if (known.has(id)) continue;
    const state = desired.state === 'wanted' ? 'lost' : desired.state;
    found.push({ record: recordOfDesired(id, desired), state, desired, hasRecord: false });
  }
  return found;
}
