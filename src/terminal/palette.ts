import type { Color } from './colors.ts';
import type { Bitmap } from './decode/bitmap.ts';

/*
 * Median cut: the colours of a picture in boxes, the one with the widest spread of pixels halved until
 * there are as many as there may be. Colours are told apart by 5 bits a channel, which keeps it quick.
 */

const BITS = 5;
const DROPPED = 8 - BITS;
const HALF = 128;

interface Bin {
  readonly color: Color;
  readonly key: number;
  readonly count: number;
}

/** @returns the colours, and which of them each pixel has; -1 where it is not opaque */
export function quantise(frame: Bitmap, most: number): { palette: Color[]; numbers: Int16Array } {
  const boxes = cut(binsOf(frame), most);
  const numberOf = new Int16Array(1 << (3 * BITS)).fill(-1);
  boxes.forEach((bins, number) => {
    for (const { key } of bins) numberOf[key] = number;
  });
  const numbers = new Int16Array(frame.width * frame.height);
  for (let n = 0; n < numbers.length; n++) {
    numbers[n] = isSeen(frame, n) ? (numberOf[keyAt(frame, n)] as number) : -1;
  }
  return { palette: boxes.map(mean), numbers };
}

function isSeen({ rgba }: Bitmap, pixel: number): boolean {
  return (rgba[pixel * 4 + 3] as number) >= HALF;
}

function keyAt({ rgba }: Bitmap, pixel: number): number {
  const part = (channel: number) => (rgba[pixel * 4 + channel] as number) >> DROPPED;
  return (part(0) << (2 * BITS)) | (part(1) << BITS) | part(2);
}

function binsOf(frame: Bitmap): Bin[] {
  const sums = new Float64Array(4 << (3 * BITS));
  for (let n = 0; n < frame.width * frame.height; n++) {
    if (!isSeen(frame, n)) continue;
    const at = keyAt(frame, n) * 4;
    for (let channel = 0; channel < 3; channel++) {
      sums[at + channel] = (sums[at + channel] as number) + (frame.rgba[n * 4 + channel] as number);
    }
    sums[at + 3] = (sums[at + 3] as number) + 1;
  }
  const bins: Bin[] = [];
  for (let at = 0; at < sums.length; at += 4) {
    const count = sums[at + 3] as number;
    if (count === 0) continue;
    const channel = (n: number) => (sums[at + n] as number) / count;
    bins.push({ color: [channel(0), channel(1), channel(2)], key: at / 4, count });
  }
  return bins;
}

interface Cut {
  readonly bins: Bin[];
  readonly channel: 0 | 1 | 2;
  /** How much is won by halving it. */
  readonly spread: number;
}

function cut(all: Bin[], most: number): Bin[][] {
  if (all.length === 0) return [];
  const boxes = [measure(all)];
  while (boxes.length < most) {
    const widest = boxes.reduce((one, other) => (other.spread > one.spread ? other : one));
    if (widest.spread === 0) break;
    const [low, high] = halves(widest);
    boxes.splice(boxes.indexOf(widest), 1, measure(low), measure(high));
  }
  return boxes.map(({ bins }) => bins);
}

function measure(bins: Bin[]): Cut {
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  const ranges = ([0, 1, 2] as const).map((channel) => {
    const values = bins.map(({ color }) => color[channel]);
    return { channel, range: largest(values) + largest(values.map((value) => -value)) };
  });
  const [widest] = ranges.sort((one, other) => other.range - one.range);
  const { channel, range } = widest ?? { channel: 0, range: 0 };
  return { bins, channel, spread: bins.length < 2 ? 0 : range * Math.sqrt(count) };
}

function largest(values: readonly number[]): number {
  return values.reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
}

function halves({ bins, channel }: Cut): [Bin[], Bin[]] {
  const sorted = bins.sort((one, other) => one.color[channel] - other.color[channel]);
  const half = sorted.reduce((sum, { count }) => sum + count, 0) / 2;
  let seen = 0;
  const at = sorted.findIndex(({ count }) => {
    seen += count;
    return seen >= half;
  });
  const middle = Math.max(1, Math.min(sorted.length - 1, at + 1));
  return [sorted.slice(0, middle), sorted.slice(middle)];
}

function mean(bins: readonly Bin[]): Color {
  const count = bins.reduce((sum, bin) => sum + bin.count, 0);
  const channel = (n: 0 | 1 | 2) =>
    bins.reduce((sum, bin) => sum + bin.color[n] * bin.count, 0) / count;
  return [channel(0), channel(1), channel(2)];
}
