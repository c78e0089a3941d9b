import { basename } from 'node:path';
import { withoutRedis } from '../../expected-errors.ts';
import { catSpec, isWorker, nameOfApp } from '../../model/app-spec.ts';
import type { DesiredServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import type { ServerRecord, ServerState } from '../../model/server-record.ts';
import { standings } from '../../model/server-state.ts';
import { toneOf } from '../../overview/state-words.ts';
import { doing } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import { quote } from '../../text.ts';
import { duration } from '../../time/duration.ts';
import type { Cell, Output } from './output.ts';

/** A server as the CLI shows it. `doors` is what each door says of it. */
export interface Row extends Omit<ServerRecord, 'state'> {
  readonly state: ServerState | 'gone';
  readonly doors: readonly string[];
  /** Names of the variables that were declared for it. */
  readonly env?: readonly string[];
  /** How often it was started again after its end. */
  readonly restarts?: number;
  /** Why a server sends no heartbeat. */
  readonly why?: string;
  /** False where it takes no requests. */
  readonly http?: false;
}

const MAX_APP = 40;
const catName = nameOfApp(catSpec);
const HEADS = ['ID', 'URL', 'STATE', 'UPTIME', 'PID', 'HOST', 'REQUESTS', 'DOOR'];

/** Every server that has a record, or that is wanted and has none; sorted by port. */
export function listFleet(fleet: FleetView): Row[] {
  return standings(fleet)
    .map(({ record, state, desired, hasRecord }) => ({
      ...toRow(record, state, hasRecord ? verdictsOn(record.id, fleet) : []),
      ...askedOf(desired),
    }))
    .sort(byPort);
}

/** What was asked of it: nothing, where it was run by hand. */
function askedOf(desired: DesiredServer | null): Pick<Row, 'env' | 'restarts' | 'http'> {
  if (!desired) return {};
  const { spec, restarts = 0 } = desired;
  return { env: spec.env, restarts, ...(isWorker(spec) ? { http: false } : {}) };
}

/** Servers that serve, with what doors say of them now; sorted by port. */
export async function servingRows(
  registry: Pick<Registry, 'fleet'>,
  records: readonly ServerRecord[],
): Promise<Row[]> {
  // What was done is told all the same.
  const fleet = await registry.fleet().catch(withoutRedis({ doors: [] }));
  return records
    .map((record) => toRow(record, record.state, verdictsOn(record.id, fleet)))
    .sort(byPort);
}

export function byPort(a: Row, b: Row): number {
  return a.port - b.port || a.startedAt - b.startedAt;
}

export function toRow(
  record: ServerRecord,
  state: Row['state'] = record.state,
  doors: readonly string[] = [],
): Row {
  return { ...record, state, doors, ...(record.worker ? { http: false } : {}) };
}

/** What one more word says of a server: its url; the id of one that takes no requests. */
export function shortName({ id, url, worker }: Pick<Row, 'id' | 'url' | 'worker'>): string {
  return worker ? id : url;
}

/** `1 server`, `2 servers`. */
export function serversInWords(count: number): string {
  return count === 1 ? '1 server' : `${count} servers`;
}

/**
 * Rows as a table on stdout.
 * @param withFolder also says where each app was found, for a verb that may have found a new one
 */
export function showRows(output: Output, rows: readonly Row[], withFolder = false): Promise<void> {
  const now = Date.now();
  // Where there are only cats, it goes without saying.
  const named = rows.some(({ app }) => app !== catName);
  const found = withFolder && rows.some(({ folder }) => folder !== undefined);
  const lost = rows.some((row) => whyLost(row) !== '');
  return output.table(
    [...HEADS, ...(named ? ['APP'] : []), ...(found ? ['FOLDER'] : []), ...(lost ? ['WHY'] : [])],
    rows.map((row) => [
      ...cells(row, now),
      ...(named ? [{ text: shortApp(row) }] : []),
      ...(found ? [{ text: row.folder ?? '-' }] : []),
      ...(lost ? [{ text: whyLost(row) }] : []),
    ]),
  );
}

function whyLost({ state, why = '' }: Row): string {
  return state === 'lost' ? why : '';
}

/** A file without its folder; a command as it is, as long as there is room for it. */
export function shortApp({ app }: Pick<Row, 'app'>): string {
  const name = app.startsWith('/') && !app.includes(' ') ? basename(app) : app;
  return name.length > MAX_APP ? `${name.slice(0, MAX_APP - 1)}…` : name;
}

/** What it serves, in a sentence. */
export function servedBy({ app }: Pick<Row, 'app'>): string {
  return app === catName ? 'the built-in cats' : quote(app);
}

function verdictsOn(id: string, { doors }: Pick<FleetView, 'doors'>): string[] {
  return doors.flatMap(({ roster }) => {
    const verdict = roster[id];
    if (!verdict) return [];
    return [verdict.reason ? `${verdict.state}: ${verdict.reason}` : verdict.state];
  });
}

function cells(row: Row, now: number): Cell[] {
  const tone = toneOf(row.state);
  return [
    { text: row.id },
    { text: row.http === false ? '-' : row.url },
    tone ? { text: row.state, tone } : { text: row.state },
    { text: row.startedAt === 0 ? '-' : duration(now - row.startedAt) },
    { text: row.state === 'stopped' ? '-' : String(row.pid) },
    { text: row.host },
    { text: row.http === false ? '-' : String(row.requests) },
    { text: [...new Set(row.doors)].join(', ') || '-' },
  ];
}

/** What a server that has started does, for people. */
export function servingLine(record: ServerRecord): string {
  return `${record.id} ${doing(record)}`;
}
