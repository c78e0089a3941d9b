import { defaults } from '../config.ts';
import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import { parseDoor, parseIntent, parseOrder, parseRecord } from './parse.ts';
import * as scripts from './scripts/registry.ts';
import { transaction } from './transaction.ts';
import type { DoorRecord, Intent, Listing, Registry, ServerRecord, Skipped } from './types.ts';

const ACK_TTL_SECONDS = 60;
const MAX_RECORD_BYTES = 16 * 1_024;
const ALL = 0;

/** The fleet as Redis knows it: leases on Redis' clock, everything read back checked. */
export function createRegistry(link: Link, keys: Keys): Registry {
  let announced: string | null = null;

  const beat = async (record: ServerRecord, intent: Intent | null) => {
    const { id } = record;
    const announce = announced !== record.state ? '1' : '0';
    const keysOf = [
      keys.servers,
      keys.leases,
      keys.intents,
      keys.order(id),
      keys.doors,
      keys.acks(id),
    ];
    const reply = await link.run((redis) =>
      redis.eval(
        scripts.beat,
        keysOf.length,
        ...keysOf,
        id,
        JSON.stringify(record),
        defaults.leaseMs,
        intent ? JSON.stringify(intent) : '',
        keys.changes,
        announce,
      ),
    );
    announced = record.state;
    const [order, doors, acks] = list(reply);
    return {
      order: parseOrder(order),
      doors: list(doors).map(String),
      acks: list(acks).map(String),
    };
  };

  const remove = (script: string, id: string, died = false) => {
    const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id), keys.acks(id)];
    const args = [id, keys.changes, died ? '1' : '0'];
    return link.run((redis) => redis.eval(script, keysOf.length, ...keysOf, ...args));
  };

  const readServers = async (limit: number) => {
    const reply = await link.run((redis) =>
      redis.eval(scripts.readServers, 2, keys.servers, keys.leases, limit, MAX_RECORD_BYTES),
    );
    return listings(list(reply), keys.servers);
  };

  return {
    async register(record, intent) {
      await beat(record, intent);
    },
    beat,
    async deregister(id, how = 'left') {
      await remove(scripts.deregister, id, how === 'died');
    },
    async forget(id) {
      await remove(scripts.forget, id);
    },
    async orderRetire(ids, drainMs) {
      const order = JSON.stringify({ order: 'retire', drainMs });
      for (const id of ids) {
        await link.run((redis) =>
          redis.eval(
            scripts.orderRetire,
            2,
            keys.intents,
            keys.order(id),
            id,
            order,
            defaults.orderTtlSeconds,
            keys.changes,
          ),
        );
      }
    },
    async orderRetireUnlessLast(id, drainMs) {
      const order = JSON.stringify({ order: 'retire', drainMs });
      const keysOf = [keys.servers, keys.leases, keys.intents, keys.order(id)];
      const lifetime = defaults.orderTtlSeconds;
      const args = [id, order, lifetime, keys.changes, keys.order('')];
      const said = await link.run((redis) =>
        redis.eval(scripts.orderRetireUnlessLast, keysOf.length, ...keysOf, ...args),
      );
      return said === 'ordered' || said === 'already' ? said : 'last';
    },
    roster: readServers,
    async fleet() {
      const [servers, intents, doors] = await Promise.all([
        readServers(ALL),
        link.run((redis) => redis.hgetall(keys.intents)),
        link.run((redis) => redis.eval(scripts.readDoors, 1, keys.doors, keys.door(''))),
      ]);
      const skipped = [...servers.skipped];
      return {
        servers: servers.servers,
        total: servers.total,
        intents: readIntents(intents, keys.intents, skipped),
        doors: readDoors(list(doors), keys, skipped),
        skipped,
      };
    },
    async sweep(lostForMs) {
      const reply = await link.run((redis) =>
        redis.eval(scripts.sweep, 3, keys.servers, keys.leases, keys.doors, lostForMs),
      );
      return list(reply).map(String);
    },
    async beatDoor(door) {
      await link.run((redis) =>
        redis.eval(
          scripts.beatDoor,
          2,
          keys.doors,
          keys.door(door.id),
          door.id,
          JSON.stringify(door),
          defaults.leaseMs,
        ),
      );
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
    async watch(listener) {
      const heard = (channel: string, id: string) => {
        if (channel === keys.changes) listener(id);
      };
      const back = () => listener(null);
      link.redis.on('message', heard);
      link.redis.on('ready', back);
      await link.run((redis) => redis.subscribe(keys.changes));
      return () => {
        link.redis.off('message', heard);
        link.redis.off('ready', back);
      };
    },
  };
}

function list(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function listings([total, ...cells]: unknown[], key: string) {
  const servers: Listing[] = [];
  const skipped: Skipped[] = [];
  for (let at = 0; at < cells.length; at += 3) {
    const id = String(cells[at]);
    const parsed = parseRecord(id, cells[at + 1]);
    const lease = cells[at + 2];
    if (typeof parsed === 'string') skipped.push({ where: `${key} ${id}`, why: parsed });
    else servers.push({ record: parsed, leaseLeftMs: typeof lease === 'number' ? lease : null });
  }
  return { servers, total: Number(total ?? 0), skipped };
}

function readIntents(fields: Record<string, string>, key: string, skipped: Skipped[]) {
  const intents = new Map<string, Intent>();
  for (const [id, text] of Object.entries(fields)) {
    const parsed = parseIntent(id, text);
    if (typeof parsed === 'string') skipped.push({ where: `${key} ${id}`, why: parsed });
    else intents.set(id, parsed);
  }
  return intents;
}

function readDoors(cells: unknown[], keys: Keys, skipped: Skipped[]): DoorRecord[] {
  const doors: DoorRecord[] = [];
  for (let at = 0; at < cells.length; at += 2) {
    const id = String(cells[at]);
    const parsed = parseDoor(id, cells[at + 1]);
    if (typeof parsed === 'string') skipped.push({ where: keys.door(id), why: parsed });
    else doors.push(parsed);
  }
  return doors;
}
