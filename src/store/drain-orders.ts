import { debug } from '../debug.ts';
import { finishWithin } from '../model/event.ts';
import type { Link } from './connection/connection.ts';
import type { EventText } from './events/write.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './scripts/define.ts';
import retireText from './scripts/orders/retire.lua';
import retireIfDesiredText from './scripts/orders/retire-if-desired.lua';
import retireUnlessLastText from './scripts/orders/retire-unless-last.lua';
import type { Registry, StoreSettings } from './store.ts';

/** The orders to leave. Each takes its server out of the desired state in the same script. */
export function createOrders(
  link: Link,
  keys: Keys,
  { orderTtlSeconds }: Pick<StoreSettings, 'orderTtlSeconds'>,
  toText: EventText,
): Pick<Registry, 'orderRetire' | 'orderRetireIfDesired' | 'orderRetireUnlessLast'> {
  const keysOf = (id: string) => ({ ...keys, order: keys.order(id) });
  const argsOf = (id: string, drainMs: number) => ({
    id,
    text: toOrder(drainMs),
    ttlSeconds: orderTtlSeconds,
    channel: keys.changes,
    event: toText({ kind: 'ordered', server: id, why: finishWithin(drainMs) }),
  });

  return {
    async orderRetire(ids, drainMs, stands = false, again = false) {
      for (const id of ids) {
        const args = { ...argsOf(id, drainMs), forever: flag(stands), again: flag(again) };
        await retire(link, keysOf(id), args);
        debug.fleet?.(`ordered ${id} to drain within ${drainMs} ms`);
      }
    },
    async orderRetireIfDesired(id, drainMs) {
      const said = await retireIfDesired(link, keysOf(id), argsOf(id, drainMs));
      debug.fleet?.(`order to ${id}, if it is wanted: ${said}`);
      return said === 'ordered' || said === 'already' ? said : 'unwanted';
    },
    async orderRetireUnlessLast(id, drainMs, stands = false) {
      const args = { ...argsOf(id, drainMs), forever: flag(stands), prefix: keys.order('') };
      const said = await retireUnlessLast(link, keysOf(id), args);
      debug.fleet?.(`order to ${id}, unless it is the last: ${said}`);
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

const retire = defineScript(retireText, {
  keys: ['intents', 'order', 'servers', 'events'],
  args: ['id', 'text', 'ttlSeconds', 'channel', 'forever', 'again', 'event'],
});
const retireIfDesired = defineScript(retireIfDesiredText, {
  keys: ['intents', 'order', 'events'],
  args: ['id', 'text', 'ttlSeconds', 'channel', 'event'],
});
const retireUnlessLast = defineScript(retireUnlessLastText, {
  keys: ['servers', 'leases', 'intents', 'order', 'events'],
  args: ['id', 'text', 'ttlSeconds', 'channel', 'forever', 'prefix', 'event'],
});
