import { StoreError } from '../errors.ts';
import { parseRegistryId } from '../model/beat-reply.ts';
import { type DesiredServer, parseDesiredServer } from '../model/desired-server.ts';
import { type DoorRecord, parseDoor } from '../model/door-record.ts';
import type { Parsed } from '../model/fields.ts';
import type { Skipped } from '../model/fleet-view.ts';
import type { Link } from './connection/connection.ts';
import type { EventText } from './events/write.ts';
import type { FleetReading } from './fleet-reading.ts';
import type { Keys } from './keys.ts';
import { createRecordsReader } from './read-records.ts';
import type { Schema } from './schema.ts';
import { defineScript, list } from './scripts/define.ts';
import readDoorsText from './scripts/doors/read.lua';
import sweepText from './scripts/servers/sweep.lua';
import type { Registry } from './store.ts';

/** All that is known of the fleet, checked; what is no good is skipped and said. */
export function createFleetView(
  link: Link,
  keys: Keys,
  schema: Pick<Schema, 'check'>,
  toText: EventText,
): Omit<FleetReading, 'silence'> & Pick<Registry, 'sweep'> {
  const { all, ...records } = createRecordsReader(link, keys, schema);
  const desired = createDesiredReader(link, keys.intents);
  const readDoorCells = () => readDoorsScript(link, keys, { prefix: keys.door('') });
  const doorsOf = async (skipped: Skipped[]) =>
    readDoors(list(await readDoorCells()), keys, skipped);
  const registryId = async () =>
    parseRegistryId(await link.run((redis) => redis.get(keys.registry)).catch(ofAnotherType));
  const around = async (skipped: Skipped[]) => {
    const [desiredServers, doors] = await Promise.all([desired.all(skipped), doorsOf(skipped)]);
    return { desiredServers, doors };
  };
  return {
    ...records,
    around: () => around([]),
    doors: () => doorsOf([]),
    async fleet() {
      const ofOthers: Skipped[] = [];
      const [{ servers, total, skipped }, rest, registry] = await Promise.all([
        all(),
        around(ofOthers),
        registryId(),
        schema.check(),
      ]);
      return { ...rest, servers, total, registry, skipped: [...skipped, ...ofOthers] };
    },
    async fleetOf(ids) {
      const ofOthers: Skipped[] = [];
      const [{ servers, total, skipped }, desiredServers, registry] = await Promise.all([
        records.recordsOf(ids),
        desired.of(ids, ofOthers),
        registryId(),
      ]);
      const rest = { desiredServers, doors: [], registry };
      return { ...rest, servers, total, skipped: [...skipped, ...ofOthers] };
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

/** Desired servers seldom change, and whoever looks at them does so every second: each text is parsed once. */
function createDesiredReader(link: Link, key: string) {
  let known: ReadonlyMap<
    string,
    { readonly text: string; readonly parsed: Parsed<DesiredServer> }
  > = new Map();
  const parsedOnce = (
    texts: readonly (readonly [id: string, text: string])[],
    skipped: Skipped[],
  ) => {
    const cells = texts.map(([id, text]) => {
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
  return {
    all: async (skipped: Skipped[]) =>
      parsedOnce(Object.entries(await link.run((redis) => redis.hgetall(key))), skipped),
    async of(ids: readonly string[], skipped: Skipped[]) {
      if (ids.length === 0) return parsedOnce([], skipped);
      const texts = await link.run((redis) => redis.hmget(key, ...ids));
      const found = ids.flatMap((id, at) => (texts[at] ? [[id, texts[at]] as const] : []));
      return parsedOnce(found, skipped);
    },
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

const readDoorsScript = defineScript(readDoorsText, { keys: ['doors'], args: ['prefix'] });
const sweep = defineScript(sweepText, {
  keys: ['servers', 'leases', 'doors', 'events'],
  args: ['lostForMs', 'event'],
});
