import { plain } from '../../text.ts';
import type { Cell, Paint } from './output.ts';

const GAP = '  ';
/** What nearly all cells are: each character has one column. */
const ASCII = /^[\u0020-\u007e]*$/;

type Width = (text: string) => number;

/** Heads and rows in columns, with nothing behind the last of each line. */
export async function tableText(
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Paint,
): Promise<string> {
  const all = [heads.map((text) => ({ text, tone: 'dim' as const })), ...rows];
  const clean = all.map((cells) => cells.map((cell) => ({ ...cell, text: plain(cell.text) })));
  const width = await widthOf(clean);
  const widths = columnWidths(clean, width);
  return `${clean.map((cells) => layOut(cells, widths, width, paint)).join('\n')}\n`;
}

// What knows of wide characters takes time to load, and few tables have any.
async function widthOf(rows: readonly (readonly Cell[])[]): Promise<Width> {
  if (rows.every((cells) => cells.every(({ text }) => ASCII.test(text))))
    return ({ length }) => length;
  return (await import('../../text-width.ts')).textWidth;
}

function columnWidths(rows: readonly (readonly Cell[])[], width: Width): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach(({ text }, at) => {
      widths[at] = Math.max(widths[at] ?? 0, width(text));
    });
  }
  return widths;
}

function layOut(
  cells: readonly Cell[],
  widths: readonly number[],
  width: Width,
  paint: Paint,
): string {
  const last = cells.length - 1;
  return cells
    .map(({ text, tone }, at) => {
      const pad = at === last ? '' : ' '.repeat((widths[at] ?? 0) - width(text));
      return paint(text, tone) + pad;
    })
    .join(GAP)
    .trimEnd();
}
