import type { Bitmap } from './decode/bitmap.ts';
import { quantise } from './palette.ts';
import { type Pencil, pixelBox, type Screen } from './screen.ts';

/* DEC STD 070 ch. 9: six rows at a time; a character says of six pixels which of them have the colour. */

const BAND = 6;
const FIRST = 63;
/** A run that is shorter is shorter as it is. */
const LEAST_RUN = 4;

/** @param colors how many the terminal has at once */
export function sixel(screen: Screen, colors: number): Pencil {
  const box = pixelBox(screen);
  return {
    box: { ...box, height: Math.max(BAND, Math.floor(box.height / BAND) * BAND) },
    draw: (frame) => ({
      text: encodeSixel(frame, colors),
      rows: Math.ceil((Math.ceil(frame.height / BAND) * BAND) / screen.cell.height),
      isText: false,
      afterCut: '\u001b\\',
    }),
  };
}

/** What is not opaque stays as it was. */
function encodeSixel(frame: Bitmap, colors: number): string {
  const { palette, numbers } = quantise(frame, colors);
  const percent = (channel: number) => Math.round((channel * 100) / 255);
  const registers = palette.map((color, n) => `#${n};2;${color.map(percent).join(';')}`);
  const bands: string[] = [];
  for (let top = 0; top < frame.height; top += BAND) bands.push(band(numbers, frame, top));
  const head = `\u001bP0;1;0q"1;1;${frame.width};${frame.height}`;
  return `${head}${registers.join('')}${bands.join('-')}\u001b\\`;
}

function band(numbers: Int16Array, { width, height }: Bitmap, top: number): string {
  const rows = new Map<number, Uint8Array>();
  for (let y = 0; y < Math.min(BAND, height - top); y++) {
    for (let x = 0; x < width; x++) {
      const number = numbers[(top + y) * width + x] as number;
      if (number === -1) continue;
      const row = rows.get(number) ?? new Uint8Array(width);
      row[x] = (row[x] as number) | (1 << y);
      rows.set(number, row);
    }
  }
  return [...rows].map(([number, row]) => `#${number}${runs(row)}`).join('$');
}

function runs(row: Uint8Array): string {
  let text = '';
  for (let at = 0; at < row.length; ) {
    let end = at + 1;
    while (end < row.length && row[end] === row[at]) end += 1;
    const length = end - at;
    const sign = String.fromCharCode(FIRST + (row[at] as number));
    if (row[at] !== 0 || end < row.length) {
      text += length < LEAST_RUN ? sign.repeat(length) : `!${length}${sign}`;
    }
    at = end;
  }
  return text;
}
