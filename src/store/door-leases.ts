import { defaults } from '../config.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import * as scripts from './scripts/registry.ts';
import type { Registry } from './store.ts';
import { transaction } from './transaction.ts';

const ACK_TTL_SECONDS = 60;

/** The doors' own leases, and what they have let go. */
export function createDoorLeases(
  link: Link,
  keys: Keys,
): Pick<Registry, 'beatDoor' | 'leaveDoor' | 'acknowledge'> {
  return {
    async beatDoor(door) {
      const keysOf = [keys.doors, keys.door(door.id)];
      const args = [door.id, JSON.stringify(door), defaults.leaseMs];
      await link.run((redis) => redis.eval(scripts.beatDoor, keysOf.length, ...keysOf, ...args));
    },
    async leaveDoor(id) {
      await link.run((redis) => transaction(redis.multi().zrem(keys.doors, id).del(keys.door(id))));
    },
    async acknowledge(serverId, doorId) {
      const key = keys.acks(serverId);
      await link.run((redis) =>
        transaction(redis.multi().sadd(key, doorId).expire(key, ACK_TTL_SECONDS)),
      );
    },
  };
}
