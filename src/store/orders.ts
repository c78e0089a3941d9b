import { defaults } from '../config.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import { runScript } from './run-script.ts';
import * as scripts from './scripts/registry.ts';
import type { Registry } from './store.ts';

/** The orders to leave. Each takes its server's intent away in the same script. */
export function createOrders(
  link: Link,
  keys: Keys,
): Pick<Registry, 'orderRetire' | 'orderRetireIfWanted' | 'orderRetireUnlessLast'> {
  const order = (script: string, id: string, drainMs: number, stands: boolean) => {
    const keysOf = [keys.intents, keys.order(id)];
    const args = [id, toOrder(drainMs), defaults.orderTtlSeconds, keys.changes, flag(stands)];
    return runScript(link, script, keysOf, ...args);
  };

  return {
    async orderRetire(ids, drainMs, stands = false) {
      for (const id of ids) await order(scripts.orderRetire, id, drainMs, stands);
    },
    async orderRetireIfWanted(id, drainMs) {
      const said = await order(scripts.orderRetireIfWanted, id, drainMs, false);
      return said === 'ordered' || said === 'already' ? said : 'unwanted';
    },
    async orderRetireUnlessLast(id, drainMs, stands = false) {
      const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id)];
      const lifetime = defaults.orderTtlSeconds;
      const how = [toOrder(drainMs), lifetime, keys.changes, flag(stands)];
      const args = [id, ...how, keys.order('')];
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
