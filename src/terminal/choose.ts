import type { TerminalSettings } from '../settings.ts';
import type { Abilities } from './answers.ts';
import type { Format, Screen } from './screen.ts';

/** Where a terminal does not say: small rather than wider than the screen. */
const USUAL_CELL = { width: 8, height: 16 };
const USUAL_SIZE = { columns: 80, rows: 24 };

/** @param asked what `--format` says, which is always done */
export function chooseFormat(
  asked: Format | null,
  { multiplexed }: TerminalSettings,
  abilities: Abilities | null,
): Format {
  if (asked !== null) return asked;
  if (abilities === null || multiplexed || abilities.multiplexed) return 'blocks';
  if (abilities.kitty) return 'kitty';
  if (abilities.iterm) return 'iterm';
  return abilities.sixel ? 'sixel' : 'blocks';
}

/** How large the screen is, as far as it is known. */
export function screenOf(
  { columns, rows }: { readonly columns?: number; readonly rows?: number },
  abilities: Abilities | null,
): Screen {
  return {
    // A terminal over a bare wire has 0 of both.
    columns: columns || USUAL_SIZE.columns,
    rows: rows || USUAL_SIZE.rows,
    cell: abilities?.cell ?? USUAL_CELL,
  };
}
