import type { TerminalSettings } from '../settings.ts';
import type { Capabilities } from './capabilities.ts';
import type { Format, Screen } from './screen.ts';

/** Where a terminal does not say: small rather than wider than the screen. */
const USUAL_CELL = { width: 8, height: 16 };
const USUAL_SIZE = { columns: 80, rows: 24 };

/** @param asked what `--format` says, which is always done */
export function chooseFormat(
  asked: Format | null,
  { multiplexed }: TerminalSettings,
  capabilities: Capabilities | null,
): Format {
  if (asked !== null) return asked;
  if (capabilities === null || multiplexed || capabilities.multiplexed) return 'blocks';
  if (capabilities.kitty) return 'kitty';
  if (capabilities.iterm) return 'iterm';
  return capabilities.sixel ? 'sixel' : 'blocks';
}

/** How large the screen is, as far as it is known. */
export function screenOf(
  { columns, rows }: { readonly columns?: number; readonly rows?: number },
  capabilities: Capabilities | null,
): Screen {
  return {
    // A terminal over a bare wire has 0 of both.
    columns: columns || USUAL_SIZE.columns,
    rows: rows || USUAL_SIZE.rows,
    cell: capabilities?.cell ?? USUAL_CELL,
  };
}
