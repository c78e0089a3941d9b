import { createBeatSilence } from './beat-silence.ts';
import { createChanges } from './changes.ts';
import { createDoorLeases } from './door-leases.ts';
import { createFleetView } from './fleet-view.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import { createOrders } from './orders.ts';
import { createServerLeases } from './server-leases.ts';
import { createStickyKey } from './sticky-key.ts';
import type { Registry } from './store.ts';

/** The fleet as Redis knows it: leases on Redis' clock, everything read back checked. */
export function createRegistry(link: Link, keys: Keys, say: (line: string) => void): Registry {
  return {
    ...createServerLeases(link, keys),
    ...createOrders(link, keys),
    ...createFleetView(link, keys),
    ...createDoorLeases(link, keys),
    ...createBeatSilence(link, keys),
    ...createStickyKey(link, keys),
    ...createChanges(link, keys, say),
  };
}
