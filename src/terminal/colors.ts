import type { Bitmap } from './decode/bitmap.ts';

/** What a terminal has: 24 bits, the palette of 256, or none that is wanted (NO_COLOR). */
export type Colors = 'true' | 'palette' | 'none';
export type Color = readonly [red: number, green: number, blue: number];

const HALF = 128;

/** A pixel as it is seen; null where the ground shows through, or there is none. */
export function seen({ rgba, width, height }: Bitmap, x: number, y: number): Color | null {
  if (y >= height) return null;
  const at = (y * width + x) * 4;
  const [red = 0, green = 0, blue = 0, opacity = 0] = rgba.subarray(at, at + 4);
  return opacity < HALF ? null : [red, green, blue];
}

/** xterm's palette: a cube of six steps a channel from 16 on, then 24 greys. */
const CUBE = [0, 95, 135, 175, 215, 255];
const FIRST_GREY = 232;
const GREYS = 24;

export function paletteColor(color: Color): number {
  const steps = color.map(nearestStep);
  const [red = 0, green = 0, blue = 0] = steps;
  const cube = steps.map((step) => CUBE[step] ?? 0);
  const mean = color.reduce((sum, channel) => sum + channel) / 3;
  const grey = Math.max(0, Math.min(GREYS - 1, Math.round((mean - 8) / 10)));
  const shade = 8 + 10 * grey;
  const isGrey = distance(color, [shade, shade, shade]) < distance(color, cube);
  return isGrey ? FIRST_GREY + grey : 16 + 36 * red + 6 * green + blue;
}

function nearestStep(channel: number): number {
  const gaps = CUBE.map((step) => Math.abs(step - channel));
  return gaps.indexOf(Math.min(...gaps));
}

function distance(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, channel, n) => sum + (channel - (other[n] ?? 0)) ** 2, 0);
}

/** How light a colour is, 0 to 1: ITU-R BT.601. */
export function lightness([red, green, blue]: Color): number {
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
}
