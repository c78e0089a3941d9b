import type { ServerView } from '../../../model/overview.ts';
import type { Sorting } from '../../../overview/sorting.ts';
import { clip, padTo, textWidth } from '../../../text-width.ts';
import type { Cell } from '../../output/output.ts';
import type { Line } from '../../progress/region.ts';
import { type Column, columns } from './columns.ts';
import type { Letters } from './letters.ts';

const GAP = 2;
/** In front of the one that keys act on; it must be told without colours, too. */
const PICKED = '> ';
const NOT_PICKED = '  ';

export interface TableOptions {
  readonly picked: string | null;
  readonly sorting: Sorting;
  readonly width: number;
  /** Rows, the head not counted. */
  readonly rows: number;
  readonly letters: Letters;
  /** Unix ms. */
  readonly nowMs: number;
}

/** Heads, and as many servers as there are rows for, the one that was picked among them. */
export function tableLines(servers: readonly ServerView[], options: TableOptions): Line[] {
  const { picked, letters, nowMs } = options;
  const shown = inView(servers, picked, options.rows);
  const cellsOf = (column: Column) =>
    shown.map((server) => cleaned(column, server, letters, nowMs));
  const measured = columns.map((column) => {
    const cells = cellsOf(column);
    const head = headOf(column, options);
    const widths = [head, ...cells.map(({ text }) => text)].map(textWidth);
    return { column, head, cells, width: Math.max(...widths) };
  });
  const chosen = fitting(measured, options.width - PICKED.length);
  const head = chosen.map(({ column, head, width }) => ({
    text: padTo(head, width, column.side),
    tone: 'head' as const,
  }));
  const rows = shown.map((server, at) => {
    const isPicked = server.id === picked;
    const cells = chosen.map(({ column, cells, width }) => padded(cells[at], width, column));
    const line = joined(isPicked ? PICKED : NOT_PICKED, cells);
    return isPicked ? line.map(({ text }) => ({ text, tone: 'picked' as const })) : line;
  });
  return [joined(NOT_PICKED, head), ...rows];
}

/** The servers that fit into the window, which moves so that the picked one is among them. */
function inView(
  servers: readonly ServerView[],
  picked: string | null,
  rows: number,
): readonly ServerView[] {
  const at = Math.max(
    0,
    servers.findIndex(({ id }) => id === picked),
  );
  const first = Math.max(0, Math.min(at - Math.floor(rows / 2), servers.length - rows));
  return servers.slice(first, first + rows);
}

function cleaned(column: Column, server: ServerView, letters: Letters, nowMs: number): Cell {
  const cell = column.cell(server, letters, nowMs);
  return { ...cell, text: clip(letters.clean(cell.text), column.most, letters.signs.cut) };
}

function headOf({ head, by }: Column, { sorting, letters }: TableOptions): string {
  if (by === null || by !== sorting.by) return head;
  return `${head}${sorting.isDown ? letters.down : letters.up}`;
}

interface Measured {
  readonly column: Column;
  readonly width: number;
}

/** The most wanted of them that fit, in their order. */
function fitting<T extends Measured>(all: readonly T[], width: number): T[] {
  const byRank = [...all].sort((a, b) => a.column.rank - b.column.rank);
  const chosen = new Set<T>();
  let left = width + GAP;
  for (const each of byRank) {
    if (each.width + GAP > left) break;
    left -= each.width + GAP;
    chosen.add(each);
  }
  return all.filter((each) => chosen.has(each));
}

function padded(cell: Cell | undefined, width: number, { side }: Column): Cell {
  const { text = '', ...rest } = cell ?? {};
  return { ...rest, text: padTo(text, width, side) };
}

function joined(mark: string, cells: readonly Cell[]): Cell[] {
  const gap = { text: ' '.repeat(GAP) };
  return [{ text: mark }, ...cells.flatMap((cell, at) => (at === 0 ? [cell] : [gap, cell]))];
}
