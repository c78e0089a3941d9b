import { defaults } from '../defaults.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import * as scripts from './scripts/doors.ts';
import { readRegistryId } from './scripts/registry.ts';
import { runScript } from './scripts/run.ts';
import type { Registry } from './store.ts';

const ACK_TTL_SECONDS = 60;
/** Whether it lives, its lease says. Its last words are kept for who asks while Redis takes no new ones. */
const WORDS_TTL_MS = 600_000;

/** The doors' own leases, and which servers they no longer use. */
export function createDoorLeases(
  link: Link,
  keys: Keys,
): Pick<Registry, 'beatDoor' | 'leaveDoor' | 'acknowledge'> {
  return {
    async beatDoor(door) {
      const keysOf = [keys.doors, keys.door(door.id)];
      const args = [door.id, JSON.stringify(door), defaults.leaseMs, WORDS_TTL_MS];
      await runScript(link, scripts.beatDoor, keysOf, ...args);
    },
    async leaveDoor(id) {
      await runScript(link, scripts.leaveDoor, [keys.doors, keys.door(id)], id);
    },
    async acknowledge(serverId, doorId) {
      const keysOf = [keys.acks(serverId), keys.servers];
      await runScript(link, scripts.acknowledge, keysOf, doorId, ACK_TTL_SECONDS, serverId);
    },
  };
}

const KEY = /^[A-Za-z0-9_-]{43}$/;

/** The key of the sticky cookie: whoever asks first sets it, once, as the registry's id is set. */
export function createStickyKey(link: Link, keys: Keys): Pick<Registry, 'stickyKey'> {
  return {
    async stickyKey(fresh) {
      const key = await runScript(link, readRegistryId, [keys.sticky], fresh);
      return typeof key === 'string' && KEY.test(key) ? key : null;
    },
  };
}
