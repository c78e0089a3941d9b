import { type Colors, lightness, paletteColor, seen } from './colors.ts';
import type { Bitmap } from './decode/bitmap.ts';
import { type Pencil, rowsFor, type Screen } from './screen.ts';

/** From dark to light, on a dark ground. */
const SHADES = ' .:-=+*#%@';
const RESET = '\u001b[0m';

/** One pixel a character, in ASCII: where there is no UTF-8, or no colour is wanted. */
export function letters(screen: Screen, colors: Colors): Pencil {
  const { columns, cell } = screen;
  const end = colors === 'none' ? '' : RESET;
  const drawn = (frame: Bitmap) =>
    Array.from({ length: frame.height }, (_, y) => line(frame, y, colors) + end);
  return {
    box: { width: columns, height: rowsFor(screen), pixelAspect: cell.height / cell.width },
    draw: (frame) => ({
      text: drawn(frame).join('\n'),
      rows: frame.height,
      isText: true,
      afterCut: end,
    }),
  };
}

function line(frame: Bitmap, y: number, colors: Colors): string {
  return Array.from({ length: frame.width }, (_, x) => {
    const color = seen(frame, x, y);
    if (!color) return colors === 'none' ? ' ' : `${RESET} `;
    if (colors === 'palette') return `\u001b[48;5;${paletteColor(color)}m `;
    if (colors === 'true') return `\u001b[48;2;${color.join(';')}m `;
    return SHADES[Math.round(lightness(color) * (SHADES.length - 1))];
  }).join('');
}
