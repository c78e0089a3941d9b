import type { OutputFlags } from '../flags/help.ts';
import type { Output } from './output.ts';
import { type Row, shortName, showRows } from './rows.ts';

/** How a verb prints servers, where it differs from the others. */
export interface Printing {
  /** What `-q` prints of one: its url, or its id where it has none, when left out. */
  readonly quietly?: (row: Row) => string;
  /** Also says where each app was found. */
  readonly withFolder?: boolean;
}

/** Prints servers as the flags ask: one JSON array, a line each, or a table; nothing where there are none. */
export async function printRows(
  output: Output,
  rows: readonly Row[],
  { json, quiet }: OutputFlags,
  { quietly = shortName, withFolder = false }: Printing = {},
): Promise<void> {
  if (json) output.json(rows);
  else if (quiet) for (const row of rows) output.line(quietly(row));
  else if (rows.length > 0) await showRows(output, rows, withFolder);
}
