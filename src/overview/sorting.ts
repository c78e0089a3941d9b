import type { ServerView } from '../model/overview.ts';
import { urgency } from './state-words.ts';

/** How the servers are sorted: as the door tells them, where no column was chosen. */
export interface Sorting {
  readonly by: SortKey | null;
  readonly isDown: boolean;
}

type Value = string | number;
type SortKey = keyof typeof values;

const values = {
  id: ({ id }) => id,
  port: ({ port }) => port,
  app: ({ app }) => app,
  state: (server) => urgency(server),
  uptime: ({ startedAt }) => -startedAt,
  rps: ({ rps }) => rps,
  p50: ({ p50Ms }) => p50Ms ?? -1,
  p99: ({ p99Ms }) => p99Ms ?? -1,
  errors: ({ errors }) => errors ?? -1,
  inflight: ({ inflight }) => inflight,
  rss: ({ rss }) => rss ?? -1,
  cpu: ({ cpu }) => cpu ?? -1,
} satisfies Record<string, (server: ServerView) => Value>;

/** Columns that are read from the smallest on; of figures one wants to see the largest first. */
const smallestFirst: readonly string[] = ['id', 'port', 'app', 'state'];

export const unsorted: Sorting = { by: null, isDown: false };

/** What a click on a column's head makes of it: its own way first, then the other way, then no more. */
export function nextSorting({ by, isDown }: Sorting, column: string): Sorting {
  if (!isSortKey(column)) return unsorted;
  const first = !smallestFirst.includes(column);
  if (by !== column) return { by: column, isDown: first };
  return isDown === first ? { by, isDown: !first } : unsorted;
}

export function sorted(servers: readonly ServerView[], { by, isDown }: Sorting): ServerView[] {
  if (by === null) return [...servers];
  const read: (server: ServerView) => Value = values[by];
  const way = isDown ? -1 : 1;
  return [...servers].sort((a, b) => way * compare(read(a), read(b)));
}

export function matches(server: ServerView, filter: string): boolean {
  const { id, url, app, host, state, door, reason } = server;
  const text = [id, url, app, host, state, door ?? '', reason].join('\n').toLowerCase();
  return text.includes(filter.trim().toLowerCase());
}

function isSortKey(column: string): column is SortKey {
  return Object.hasOwn(values, column);
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return a.localeCompare(b);
  return Number(a) - Number(b);
}
