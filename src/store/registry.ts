import { createChanges } from './changes.ts';
import type { Link } from './connection/connection.ts';
import { createDoorLeases } from './door-leases.ts';
import { createOrders } from './drain-orders.ts';
import type { EventText } from './events/write.ts';
import { createBeatSilence } from './heartbeat-silence.ts';
import type { Keys } from './keys.ts';
import { createFleetView } from './read-fleet.ts';
import { createSchema } from './schema.ts';
import { createServerLeases } from './server-leases.ts';
import { createSetOnce } from './set-once.ts';
import type { Registry, StoreSettings } from './store.ts';

interface Telling {
  /** Told of what is refused, and of a bug. */
  say(line: string): void;
  readonly toText: EventText;
  readonly note: Registry['note'];
}

/** The fleet as Redis knows it: leases on Redis' clock, everything read back checked. */
export function createRegistry(
  link: Link,
  keys: Keys,
  settings: StoreSettings,
  { say, toText, note }: Telling,
): Registry {
  const schema = createSchema(link, keys);
  return {
    ...createServerLeases(link, keys, settings, toText),
    ...createOrders(link, keys, settings, toText),
    ...createFleetView(link, keys, schema, toText),
    ...createDoorLeases(link, keys, settings),
    ...createBeatSilence(link, keys, settings),
    ...createSetOnce(link, keys, schema),
    ...createChanges(link, keys, say),
    note,
  };
}
