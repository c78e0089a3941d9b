import type { Overview, ServerView } from '../../model/overview.ts';
import { matches, nextSorting, type Sorting, sorted, unsorted } from '../../overview/sorting.ts';
import { find, setText } from '../elements/find.ts';
import { keyedList } from '../elements/keyed-list.ts';
import { createSparklines } from '../elements/sparkline.ts';
import { createServerRow, type ServerNow } from './server-row.ts';

/** So many rows are painted wherever they stand; of more, those in view: see page.css. */
const FEW = 24;

/** The table of servers, with its filter and its order. */
export function createServers(): (overview: Overview) => void {
  const table = find(HTMLTableElement, '#servers');
  const filter = find(HTMLInputElement, '#filter');
  const heading = find(HTMLElement, '#servers-title');
  const sparkline = createSparklines();
  const body = find(HTMLElement, 'tbody', table);
  const list = keyedList<ServerNow>(
    body,
    ({ server }) => server.id,
    (now) => createServerRow(now, sparkline),
  );
  const sayCount = createCount();
  let latest: Overview | null = null;
  let sorting = unsorted;

  function show(): void {
    if (!latest) return;
    const { servers, at } = latest;
    const shown = sorted(
      servers.filter((server) => matches(server, filter.value)),
      sorting,
    );
    body.toggleAttribute('data-many', shown.length > FEW);
    const lostFocus = list.update(shown.map((server) => ({ server, at })));
    // Whoever works by keyboard goes on from here, not from the top of the page.
    if (lostFocus) heading.focus({ preventScroll: true });
    sayCount(servers, shown.length);
  }

  filter.addEventListener('input', show);
  onHeadClick(table, (column) => {
    sorting = nextSorting(sorting, column);
    markSorted(table, sorting);
    show();
  });
  return (overview) => {
    latest = overview;
    show();
  };
}

function createCount(): (servers: readonly ServerView[], shown: number) => void {
  const count = find(HTMLElement, '#servers-count');
  const empty = find(HTMLElement, '#no-servers');
  return ({ length }, shown) => {
    setText(count, shown === length ? String(length) : `${shown} of ${length}`);
    empty.hidden = shown > 0;
    setText(
      empty,
      length === 0
        ? 'No server runs. Start one with `meowctl spawn`.'
        : 'No server is like that. Empty the filter to see all.',
    );
  };
}

function onHeadClick(table: HTMLTableElement, onColumn: (column: string) => void): void {
  for (const button of table.querySelectorAll<HTMLElement>('[data-sort]')) {
    button.addEventListener('click', () => onColumn(button.dataset.sort ?? ''));
  }
}

function markSorted(table: HTMLTableElement, { by, isDown }: Sorting): void {
  for (const button of table.querySelectorAll<HTMLElement>('[data-sort]')) {
    const head = button.closest('th');
    if (button.dataset.sort !== by) head?.removeAttribute('aria-sort');
    else head?.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
  }
}
