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
  const order = (script: string, id: string, drainMs: number) => {
    const keysOf = [keys.intents, keys.order(id)];
    const args = [id, toOrder(drainMs), defaults.orderTtlSeconds, keys.changes];
    return runScript(link, script, keysOf, ...args);
  };

  return {
    async orderRetire(ids, drainMs) {
      for (const id of ids) await order(scripts.orderRetire, id, drainMs);
    },
    async orderRetireIfWanted(id, drainMs) {
      const said = await order(scripts.orderRetireIfWanted, id, drainMs);
      return said === 'ordered' || said === 'already' ? said : 'unwanted';
    },
    async orderRetireUnlessLast(id, drainMs) {
      const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id)];
      const lifetime = defaults.orderTtlSeconds;
      const args = [id, toOrder(drainMs), lifetime, keys.changes, keys.order('')];
      const said = await runScript(link, scripts.orderRetireUnlessLast, keysOf, ...args);
      return said === 'ordered' || said === 'already' ? said : 'last';
    },
  };
}

function toOrder(drainMs: number): string {
  return JSON.stringify({ order: 'retire', drainMs });
}
