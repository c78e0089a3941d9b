import type { Listing, RecordsView, Skipped } from '../model/fleet-view.ts';
import { parseRecord } from '../model/server-record.ts';
import type { Link } from './connection/connection.ts';
import type { FleetReading } from './fleet-reading.ts';
import type { Keys } from './keys.ts';
import type { Schema } from './schema.ts';
import { defineScript, list } from './scripts/define.ts';
import glanceText from './scripts/servers/glance.lua';
import readServersText from './scripts/servers/read.lua';

const MAX_RECORD_BYTES = 16 * 1_024;
const ALL = 0;
/** So many are read in one script: a longer one would hold up everybody else's. */
const PAGE = 2_000;

interface RecordsReading extends Pick<FleetReading, 'records' | 'recordsOf' | 'glance'> {
  all(): Promise<RecordsView>;
}

/** Servers' records with their leases, checked; what is no good is skipped and said. */
export function createRecordsReader(
  link: Link,
  keys: Keys,
  schema: Pick<Schema, 'check'>,
): RecordsReading {
  const { servers: where } = keys;
  const read = async (limit: number, ids: readonly string[] = []) => {
    const args = { limit, longest: MAX_RECORD_BYTES, most: PAGE, ids };
    return list(await readServersScript(link, keys, args));
  };

  const paged = async (ids: readonly string[]): Promise<RecordsView> => {
    const cells: unknown[] = [];
    let total: unknown = 0;
    for (let at = 0; at < ids.length; at += PAGE) {
      const [now, ...page] = await read(ALL, ids.slice(at, at + PAGE));
      total = now;
      for (const cell of page) cells.push(cell);
    }
    return listings(total, cells, where);
  };

  const all = async () => {
    const [total, ...cells] = await read(ALL);
    if (Number(total) <= PAGE) return listings(total, cells, where);
    return paged(await link.run((redis) => redis.hkeys(where)));
  };

  const records = async (limit: number) => {
    const [[total, ...cells]] = await Promise.all([read(limit), schema.check()]);
    return listings(total, cells, where);
  };

  return {
    all,
    records,
    recordsOf: paged,
    async glance(known, fresh, limit) {
      const args = { longest: MAX_RECORD_BYTES, fresh, most: limit };
      const [total, up, ...cells] = list(await glanceScript(link, keys, args));
      if (Number(total) > limit) return records(limit);
      const view = listings(total, cells, where);
      const ids = String(up).split(' ').filter(Boolean);
      const asBefore = stillUp(known, ids, fresh);
      const seen = new Set(asBefore.map(({ record }) => record.id));
      const others = await paged(ids.filter((id) => !seen.has(id)));
      return {
        servers: [...asBefore, ...view.servers, ...others.servers],
        total: view.total,
        skipped: [...view.skipped, ...others.skipped],
      };
    },
  };
}

function stillUp({ servers }: RecordsView, ids: readonly string[], fresh: number): Listing[] {
  const up = new Set(ids);
  return servers
    .filter(({ record: { id, state, failing } }) => up.has(id) && state === 'up' && !failing)
    .map(({ record }) => ({ record, leaseLeftMs: fresh }));
}

function listings(total: unknown, cells: readonly unknown[], key: string): RecordsView {
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

const readServersScript = defineScript(readServersText, {
  keys: ['servers', 'leases'],
  args: ['limit', 'longest', 'most'],
  moreArgs: 'ids',
});
const glanceScript = defineScript(glanceText, {
  keys: ['servers', 'leases'],
  args: ['longest', 'fresh', 'most'],
});
