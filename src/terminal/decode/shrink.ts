import type { Bitmap, Box } from './bitmap.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How many pixels of the box a picture takes: its shape kept, never more than it has itself. */
export function fitInto({ width, height }: Size, box: Box): Size {
  const seenHeight = height / box.pixelAspect;
  const scale = Math.min(1, box.width / width, box.height / seenHeight);
  return {
    width: Math.max(1, Math.min(box.width, Math.round(width * scale))),
    height: Math.max(1, Math.min(box.height, Math.round(seenHeight * scale))),
  };
}

/** Each pixel of the result is the mean of what it covers; colours count by how opaque they are. */
export function shrink(from: Bitmap, { width, height }: Size): Bitmap {
  if (width === from.width && height === from.height) {
    return { width, height, rgba: from.rgba.slice() };
  }
  const rgba = new Uint8Array(width * height * 4);
  const columns = spans(from.width, width);
  const sums = new Float64Array(width * 4);
  spans(from.height, height).forEach(({ first, weights }, y) => {
    sums.fill(0);
    for (const [at, weight] of weights.entries()) addRow(from, first + at, weight, columns, sums);
    writeRow(sums, rgba, y * width * 4);
  });
  return { width, height, rgba };
}

/** The source pixels that one of the result covers, and how much of each: together 1. */
interface Span {
  readonly first: number;
  readonly weights: Float64Array;
}

function spans(from: number, to: number): Span[] {
  const step = from / to;
  return Array.from({ length: to }, (_, at) => {
    const begin = at * step;
    const end = Math.min(from, begin + step);
    const first = Math.floor(begin);
    const weights = new Float64Array(Math.max(1, Math.ceil(end - 1e-9) - first));
    for (let n = 0; n < weights.length; n++) {
      weights[n] = (Math.min(end, first + n + 1) - Math.max(begin, first + n)) / (end - begin);
    }
    return { first, weights };
  });
}

// Forty million times for the largest picture: nothing is allocated, and of each sum one addition.
function addRow(
  { rgba, width }: Bitmap,
  row: number,
  rowWeight: number,
  columns: readonly Span[],
  sums: Float64Array,
): void {
  const start = row * width * 4;
  for (let x = 0; x < columns.length; x++) {
    const { first, weights } = columns[x] as Span;
    let red = 0;
    let green = 0;
    let blue = 0;
    let opacity = 0;
    for (let n = 0, at = start + first * 4; n < weights.length; n++, at += 4) {
      const part = (weights[n] as number) * (rgba[at + 3] as number);
      red += part * (rgba[at] as number);
      green += part * (rgba[at + 1] as number);
      blue += part * (rgba[at + 2] as number);
      opacity += part;
    }
    const to = x * 4;
    sums[to] = (sums[to] as number) + red * rowWeight;
    sums[to + 1] = (sums[to + 1] as number) + green * rowWeight;
    sums[to + 2] = (sums[to + 2] as number) + blue * rowWeight;
    sums[to + 3] = (sums[to + 3] as number) + opacity * rowWeight;
  }
}

function writeRow(sums: Float64Array, rgba: Uint8Array, start: number): void {
  for (let at = 0; at < sums.length; at += 4) {
    const opacity = sums[at + 3] as number;
    if (opacity === 0) continue;
    for (let n = 0; n < 3; n++)
      rgba[start + at + n] = Math.round((sums[at + n] as number) / opacity);
    rgba[start + at + 3] = Math.round(opacity);
  }
}
