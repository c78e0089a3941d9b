import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './scripts/define.ts';
import acknowledgeText from './scripts/doors/acknowledge.lua';
import beatText from './scripts/doors/beat.lua';
import leaveText from './scripts/doors/leave.lua';
import renewText from './scripts/doors/renew.lua';
import type { Registry, StoreSettings } from './store.ts';

const ACK_TTL_SECONDS = 60;
/** Whether it lives, its lease says. Its last words are kept for who asks while Redis takes no new ones. */
const WORDS_TTL_MS = 600_000;

/** The doors' own leases, and which servers they no longer use. */
export function createDoorLeases(
  link: Link,
  keys: Keys,
  { leaseMs }: Pick<StoreSettings, 'leaseMs'>,
): Pick<Registry, 'beatDoor' | 'renewDoor' | 'leaveDoor' | 'acknowledge'> {
  const keysOf = (id: string) => ({ doors: keys.doors, door: keys.door(id) });

  return {
    async beatDoor(door) {
      const { id } = door;
      const record = { record: JSON.stringify(door), recordMs: WORDS_TTL_MS };
      await beat(link, keysOf(id), { id, ...record, leaseMs });
    },
    async renewDoor(id) {
      return (await renew(link, keysOf(id), { id, leaseMs })) === 1;
    },
    async leaveDoor(id) {
      await leave(link, keysOf(id), { id });
    },
    async acknowledge(serverId, doorId) {
      const args = { doorId, ttlSeconds: ACK_TTL_SECONDS, serverId };
      await acknowledge(link, { ...keys, acks: keys.acks(serverId) }, args);
    },
  };
}

const beat = defineScript(beatText, {
  keys: ['doors', 'door'],
  args: ['id', 'record', 'leaseMs', 'recordMs'],
});
const renew = defineScript(renewText, { keys: ['doors', 'door'], args: ['id', 'leaseMs'] });
const leave = defineScript(leaveText, { keys: ['doors', 'door'], args: ['id'] });
const acknowledge = defineScript(acknowledgeText, {
  keys: ['acks', 'servers'],
  args: ['doorId', 'ttlSeconds', 'serverId'],
});
