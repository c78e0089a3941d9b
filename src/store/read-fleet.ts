import { StoreError } from '../errors.ts';
import { parseRegistryId } from '../model/beat-reply.ts';
import { type DesiredServer, parseDesiredServer } from '../model/desired-server.ts';
import { type DoorRecord, parseDoor } from '../model/door-record.ts';
import type { Parsed } from '../model/fields.ts';
import type { Listing, Skipped } from '../model/fleet-view.ts';
import { parseRecord } from '../model/server-record.ts';
import type { Link } from './connection/connection.ts';
import type { EventText } from './events/write.ts';
import type { Keys } from './keys.ts';
import type { Schema } from './schema.ts';
import { defineScript, list } from './scripts/define.ts';
import readDoorsText from './scripts/doors/read.lua';
import readServersText from './scripts/servers/read.lua';
import sweepText from './scripts/servers/sweep.lua';
import type { Registry } from './store.ts';

const MAX_RECORD_BYTES = 16 * 1_024;
const ALL = 0;
/** So many are read in one script: a longer one would hold up everybody else's. */
const PAGE = 2_000;

/** All that is known of the fleet, checked; what is no good is skipped and said. */
export function createFleetView(
  link: Link,
  keys: Keys,
  schema: Pick<Schema, 'check'>,
  toText: EventText,
): Pick<Registry, 'records' | 'around' | 'fleet' | 'sweep'> {
  const read = async (limit: number, ids: readonly string[] = []) => {
    const args = { limit, longest: MAX_RECORD_BYTES, most: PAGE, ids };
    return list(await readServersScript(link, keys, args));
  };

  const readServers = async (limit: number) => {
    const reply = await read(limit);
    const [total] = reply;
    if (limit !== ALL || Number(total) <= PAGE) return listings(reply, keys.servers);
    const ids = await link.run((redis) => redis.hkeys(keys.servers));
    const cells: unknown[] = [];
    for (let at = 0; at < ids.length; at += PAGE) {
      const [, ...page] = await read(ALL, ids.slice(at, at + PAGE));
      for (const cell of page) cells.push(cell);
    }
    return listings([total, ...cells], keys.servers);
  };

  const readAround = createAroundReader(link, keys);
  return {
    async records(limit) {
      const [view] = await Promise.all([readServers(limit), schema.check()]);
      return view;
    },
    around: () => readAround([]),
    async fleet() {
      const ofOthers: Skipped[] = [];
      const [{ servers, total, skipped }, around, registry] = await Promise.all([
        readServers(ALL),
        readAround(ofOthers),
        link.run((redis) => redis.get(keys.registry)).catch(ofAnotherType),
        schema.check(),
      ]);
      return {
        ...around,
        servers,
        total,
        registry: parseRegistryId(registry),
        skipped: [...skipped, ...ofOthers],
      };
    },
    async sweep(lostForMs) {
      const why = `no heartbeat for ${lostForMs / 1_000} s`;
      const event = toText({ kind: 'lost', why });
      return list(await sweep(link, keys, { lostForMs, event })).map(String);
    },
  };
}

// Whoever needs it says so: see `Registry.id`.
function ofAnotherType(error: unknown): null {
  if (error instanceof StoreError && error.kind === 'damaged') return null;
  throw error;
}

function listings([total, ...cells]: unknown[], key: string) {
  const servers: Listing[] = [];
  const skipped: Skipped[] = [];
  for (let at = 0; at < cells.length; at += 3) {
    const id = String(cells[at]);
    const parsed = parseRecord(id, cells[at + 1]);
    const lease = cells[at + 2];
    if ('problem' in parsed) skipped.push({ where: `${key} ${id}`, why: parsed.problem });
    else servers.push({ record: parsed.ok, leaseLeftMs: typeof lease === 'number' ? lease : null });
  }
  return { servers, total: Number(total ?? 0), skipped };
}

function createAroundReader(link: Link, keys: Keys) {
  const readDesiredServers = createDesiredReader(keys.intents);
  return async (skipped: Skipped[]) => {
    const [desiredServers, doors] = await Promise.all([
      link.run((redis) => redis.hgetall(keys.intents)),
      readDoorsScript(link, keys, { prefix: keys.door('') }),
    ]);
    return {
      desiredServers: readDesiredServers(desiredServers, skipped),
      doors: readDoors(list(doors), keys, skipped),
    };
  };
}

/** Desired servers seldom change, and whoever looks at them does so every second: each text is parsed once. */
function createDesiredReader(key: string) {
  let known: ReadonlyMap<
    string,
    { readonly text: string; readonly parsed: Parsed<DesiredServer> }
  > = new Map();
  return (fields: Record<string, string>, skipped: Skipped[]): Map<string, DesiredServer> => {
    const cells = Object.entries(fields).map(([id, text]) => {
      const before = known.get(id);
      return [
        id,
        before?.text === text ? before : { text, parsed: parseDesiredServer(id, text) },
      ] as const;
    });
    known = new Map(cells);
    const desiredServers = new Map<string, DesiredServer>();
    for (const [id, { parsed }] of cells) {
      if ('problem' in parsed) skipped.push({ where: `${key} ${id}`, why: parsed.problem });
      else desiredServers.set(id, parsed.ok);
    }
    return desiredServers;
  };
}

/** Each door's id and what it says, in turn. */
export function readDoors(cells: unknown[], keys: Keys, skipped: Skipped[]): DoorRecord[] {
  const doors: DoorRecord[] = [];
  for (let at = 0; at < cells.length; at += 2) {
    const id = String(cells[at]);
    const parsed = parseDoor(id, cells[at + 1]);
    if ('problem' in parsed) skipped.push({ where: keys.door(id), why: parsed.problem });
    else doors.push(parsed.ok);
  }
  return doors;
}

const readServersScript = defineScript(readServersText, {
  keys: ['servers', 'leases'],
  args: ['limit', 'longest', 'most'],
  moreArgs: 'ids',
});
const readDoorsScript = defineScript(readDoorsText, { keys: ['doors'], args: ['prefix'] });
const sweep = defineScript(sweepText, {
  keys: ['servers', 'leases', 'doors', 'events'],
  args: ['lostForMs', 'event'],
});
