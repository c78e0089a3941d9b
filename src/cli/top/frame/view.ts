import type { Overview, ServerView } from '../../../model/overview.ts';
import { type FleetChange, type Question, question } from '../../../overview/consequences.ts';
import { matches, nextSorting, type Sorting, sorted, unsorted } from '../../../overview/sorting.ts';
import { sortKeys } from './columns.ts';

/** What is looked at, and how. */
export interface View {
  /** The id of the server that keys act on. */
  readonly picked: string | null;
  readonly sorting: Sorting;
  readonly filter: string;
  readonly mode: Mode;
}

type Mode =
  | { readonly kind: 'table' | 'help' }
  /** `before`: what Escape goes back to. */
  | { readonly kind: 'filter'; readonly before: string }
  | { readonly kind: 'question'; readonly wanted: FleetChange; readonly question: Question };

/** A key by its name, as Node names them, or what was typed. */
export interface Key {
  readonly name: string;
  readonly text: string;
  readonly isCtrl: boolean;
}

/** What a key asks for besides another view. */
export type Action =
  | { readonly kind: 'quit' | 'redraw' | 'suspend' }
  | { readonly kind: 'change'; readonly wanted: FleetChange };

export interface Pressed {
  readonly view: View;
  readonly action: Action | null;
}

const TABLE: Mode = { kind: 'table' };
const PAGE = 10;

export const firstView: View = { picked: null, sorting: unsorted, filter: '', mode: TABLE };

/** The servers in the order and choice of a view. */
export function serversIn(overview: Overview, { sorting, filter }: View): readonly ServerView[] {
  return sorted(overview.servers, sorting).filter((server) => matches(server, filter));
}

/** The one that keys act on: it stays the same while others come and go; else the first. */
export function pickedIn(servers: readonly ServerView[], { picked }: View): string | null {
  return servers.find(({ id }) => id === picked)?.id ?? servers[0]?.id ?? null;
}

/** What a key does. Ctrl-C, Ctrl-Z and Ctrl-L do the same wherever one is. */
export function press(view: View, key: Key, overview: Overview): Pressed {
  const everywhere = key.isCtrl ? controls.get(key.name) : undefined;
  if (everywhere) return { view, action: everywhere };
  switch (view.mode.kind) {
    case 'filter':
      return { view: typed(view, view.mode.before, key), action: null };
    case 'question':
      return answered(view, view.mode.wanted, key);
    case 'help':
      return { view: { ...view, mode: TABLE }, action: key.text === 'q' ? { kind: 'quit' } : null };
    case 'table':
      return inTable(view, key, overview);
  }
}

const controls: ReadonlyMap<string, Action> = new Map([
  ['c', { kind: 'quit' }],
  ['z', { kind: 'suspend' }],
  ['l', { kind: 'redraw' }],
]);

function typed(view: View, before: string, { name, text, isCtrl }: Key): View {
  const { filter } = view;
  if (name === 'return' || name === 'enter') return { ...view, mode: TABLE };
  if (name === 'escape') return { ...view, mode: TABLE, filter: before };
  if (name === 'backspace') return { ...view, filter: [...filter].slice(0, -1).join('') };
  if (isCtrl && name === 'u') return { ...view, filter: '' };
  return /^\P{Cc}+$/u.test(text) ? { ...view, filter: filter + text } : view;
}

// Only `y` is a yes: whatever else is pressed, nothing is done.
function answered(view: View, wanted: FleetChange, { text }: Key): Pressed {
  const isYes = text === 'y' || text === 'Y';
  return { view: { ...view, mode: TABLE }, action: isYes ? { kind: 'change', wanted } : null };
}

function inTable(view: View, key: Key, overview: Overview): Pressed {
  const only = (next: Partial<View>): Pressed => ({ view: { ...view, ...next }, action: null });
  const step = steps.get(key.name) ?? steps.get(key.text);
  if (step !== undefined) return only({ picked: moved(view, overview, step) });
  const sorting = sortingBy(view.sorting, key.text);
  if (sorting) return only({ sorting });
  if (key.text === 'q') return { view, action: { kind: 'quit' } };
  if (key.text === '?' || key.text === 'h') return only({ mode: { kind: 'help' } });
  if (key.text === '/') return only({ mode: { kind: 'filter', before: view.filter } });
  if (key.name === 'escape') return only({ filter: '' });
  const wanted = wantedBy(key.text, pickedIn(serversIn(overview, view), view));
  return wanted ? only({ mode: asking(wanted, overview) }) : { view, action: null };
}

const steps: ReadonlyMap<string, number> = new Map([
  ['up', -1],
  ['k', -1],
  ['down', 1],
  ['j', 1],
  ['pageup', -PAGE],
  ['pagedown', PAGE],
  ['home', Number.NEGATIVE_INFINITY],
  ['g', Number.NEGATIVE_INFINITY],
  ['end', Number.POSITIVE_INFINITY],
  ['G', Number.POSITIVE_INFINITY],
]);

function moved(view: View, overview: Overview, step: number): string | null {
  const servers = serversIn(overview, view);
  const picked = pickedIn(servers, view);
  const at = servers.findIndex(({ id }) => id === picked) + step;
  return servers[Math.max(0, Math.min(servers.length - 1, at))]?.id ?? null;
}

/** `1` to `9` by a column, again the other way round; `<` and `>` by the one beside. */
function sortingBy(sorting: Sorting, text: string): Sorting | null {
  if (/^[1-9]$/.test(text)) return nextSorting(sorting, sortKeys[Number(text) - 1] ?? '');
  if (text !== '<' && text !== '>') return null;
  const at = sorting.by === null ? -1 : sortKeys.indexOf(sorting.by);
  const next = text === '>' ? at + 1 : (at < 0 ? sortKeys.length : at) - 1;
  return nextSorting(unsorted, sortKeys[next] ?? '');
}

function wantedBy(text: string, id: string | null): FleetChange | null {
  if (text === 's') return { verb: 'spawn', count: 1 };
  if (text === 'R') return { verb: 'restart', id: null };
  if (text === 'r' && id !== null) return { verb: 'restart', id };
  if (text === 'd' && id !== null) return { verb: 'destroy', id };
  return null;
}

function asking(wanted: FleetChange, overview: Overview): Mode {
  return { kind: 'question', wanted, question: question(wanted, overview) };
}
