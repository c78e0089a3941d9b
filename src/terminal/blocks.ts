import { type Color, type Colors, paletteColor, seen } from './colors.ts';
import type { Bitmap } from './decode/bitmap.ts';
import { type Pencil, rowsFor, type Screen } from './screen.ts';

const UPPER = '▀';
const LOWER = '▄';
const RESET = '\u001b[0m';

/** Two pixels a character: the upper half in its own colour, the lower one in that of the ground. */
export function halfBlocks(screen: Screen, colors: Colors): Pencil {
  const { columns, cell } = screen;
  return {
    box: {
      width: columns,
      height: 2 * rowsFor(screen),
      pixelAspect: cell.height / 2 / cell.width,
    },
    draw(frame) {
      const drawn = lines(frame, colors);
      return { text: drawn.join('\n'), rows: drawn.length, isText: true, afterCut: RESET };
    },
  };
}

function lines(frame: Bitmap, colors: Colors): string[] {
  return Array.from({ length: Math.ceil(frame.height / 2) }, (_, row) => {
    const inks = new Inks(colors);
    let line = '';
    for (let x = 0; x < frame.width; x++) {
      const upper = seen(frame, x, row * 2);
      const lower = seen(frame, x, row * 2 + 1);
      line += block(inks, upper, lower);
    }
    return line + RESET;
  });
}

// Where a pixel is transparent, the terminal's own ground is left.
function block(inks: Inks, upper: Color | null, lower: Color | null): string {
  if (upper) return inks.take(upper, lower) + UPPER;
  if (lower) return inks.take(lower, null) + LOWER;
  return `${inks.take(null, null)} `;
}

/** Says which colours are in use only where they change. */
class Inks {
  readonly #colors: Colors;
  #fore = '';
  #ground = '49';

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  take(fore: Color | null, ground: Color | null): string {
    const nextFore = fore ? this.#code(38, fore) : this.#fore;
    const nextGround = ground ? this.#code(48, ground) : '49';
    const changed = [
      ...(nextFore === this.#fore ? [] : [nextFore]),
      ...(nextGround === this.#ground ? [] : [nextGround]),
    ];
    this.#fore = nextFore;
    this.#ground = nextGround;
    return changed.length === 0 ? '' : `\u001b[${changed.join(';')}m`;
  }

  #code(kind: number, color: Color): string {
    return this.#colors === 'true'
      ? `${kind};2;${color.join(';')}`
      : `${kind};5;${paletteColor(color)}`;
  }
}
