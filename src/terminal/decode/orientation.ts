import type { Bitmap } from './bitmap.ts';
import type { Orientation } from './jpeg-head.ts';

export function isOnItsSide(orientation: Orientation): boolean {
  return orientation > 4;
}

/** Puts a picture upright. */
export function upright(from: Bitmap, orientation: Orientation): Bitmap {
  if (orientation === 1) return from;
  const isTurned = isOnItsSide(orientation);
  const [width, height] = isTurned ? [from.height, from.width] : [from.width, from.height];
  const source = new Uint32Array(from.rgba.slice().buffer);
  const pixels = new Uint32Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const [column, row] = isTurned ? [y, x] : [x, y];
      const fromX = mirrorsX.has(orientation) ? from.width - 1 - column : column;
      const fromY = mirrorsY.has(orientation) ? from.height - 1 - row : row;
      pixels[at] = source[fromY * from.width + fromX] as number;
    }
  }
  return { width, height, rgba: new Uint8Array(pixels.buffer) };
}

const mirrorsX: ReadonlySet<Orientation> = new Set([2, 3, 7, 8]);
const mirrorsY: ReadonlySet<Orientation> = new Set([3, 4, 6, 7]);
