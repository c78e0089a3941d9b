import { defaults } from '../defaults.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts/registry.ts';
import { runScript } from './scripts/run.ts';
import type { Registry } from './store.ts';

/** The orders to leave. Each takes its server's intent away in the same script. */
export function createOrders(
  link: Link,
  keys: Keys,
): Pick<Registry, 'orderRetire' | 'orderRetireIfWanted' | 'orderRetireUnlessLast'> {
  const how = (drainMs: number) => [toOrder(drainMs), defaults.orderTtlSeconds, keys.changes];

  return {
    async orderRetire(ids, drainMs, stands = false, again = false) {
      for (const id of ids) {
        const keysOf = [keys.intents, keys.order(id), keys.servers];
        const args = [id, ...how(drainMs), flag(stands), flag(again)];
        await runScript(link, scripts.orderRetire, keysOf, ...args);
      }
    },
    async orderRetireIfWanted(id, drainMs) {
      const keysOf = [keys.intents, keys.order(id)];
      const said = await runScript(link, scripts.orderRetireIfWanted, keysOf, id, ...how(drainMs));
      return said === 'ordered' || said === 'already' ? said : 'unwanted';
    },
    async orderRetireUnlessLast(id, drainMs, stands = false) {
      const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id)];
      const args = [id, ...how(drainMs), flag(stands), keys.order('')];
      const said = await runScript(link, scripts.orderRetireUnlessLast, keysOf, ...args);
      return said === 'ordered' || said === 'already' || said === 'gone' ? said : 'last';
    },
  };
}

function flag(value: boolean): string {
  return value ? '1' : '0';
}

function toOrder(drainMs: number): string {
  return JSON.stringify({ order: 'retire', drainMs });
}
