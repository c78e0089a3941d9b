import { type Bitmap, UndecodableError } from './bitmap.ts';

/** How a PNG keeps its pixels. */
export interface PngForm {
  /** Bits of a channel. */
  readonly depth: number;
  /** 0 grey, 2 colours, 3 palette, 4 grey and 6 colours with opacity. */
  readonly color: number;
  readonly channels: number;
  readonly palette: Uint8Array | undefined;
  /** tRNS: the opacity of each colour of the palette, or the one value that cannot be seen. */
  readonly clear: Uint8Array | undefined;
}

interface Pass {
  readonly left: number;
  readonly top: number;
  readonly stepX: number;
  readonly stepY: number;
  readonly width: number;
  readonly height: number;
}

const PALETTE = 3;

export function rowBytes({ depth, channels }: PngForm, width: number): number {
  return Math.ceil((width * depth * channels) / 8);
}

/** Writes the rows of one pass where they belong. The rows are changed. */
export function paintRows(rows: Uint8Array, form: PngForm, pass: Pass, to: Bitmap): void {
  const bytes = rowBytes(form, pass.width);
  const pixelBytes = Math.max(1, (form.depth * form.channels) / 8);
  const paint = painter(form);
  let above: Uint8Array = new Uint8Array(bytes);
  for (let y = 0; y < pass.height; y++) {
    const start = y * (bytes + 1);
    const row = rows.subarray(start + 1, start + 1 + bytes);
    unfilter(rows[start] ?? 0, row, above, pixelBytes);
    const line = (pass.top + y * pass.stepY) * to.width + pass.left;
    for (let x = 0; x < pass.width; x++) paint(row, x, to.rgba, (line + x * pass.stepX) * 4);
    above = row;
  }
}

/** §9.2: each byte was written as its difference from what its neighbours foretell. */
function unfilter(kind: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  if (kind > 4) throw new UndecodableError('is damaged');
  if (kind === 0) return;
  for (let at = 0; at < row.length; at++) {
    const left = at < pixelBytes ? 0 : (row[at - pixelBytes] as number);
    const up = above[at] as number;
    const corner = at < pixelBytes ? 0 : (above[at - pixelBytes] as number);
    row[at] = (row[at] as number) + foretold(kind, left, up, corner);
  }
}

function foretold(kind: number, left: number, up: number, corner: number): number {
  if (kind === 1) return left;
  if (kind === 2) return up;
  if (kind === 3) return (left + up) >> 1;
  const [toLeft, toUp] = [Math.abs(up - corner), Math.abs(left - corner)];
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

type Paint = (row: Uint8Array, x: number, rgba: Uint8Array, at: number) => void;

function painter(form: PngForm): Paint {
  const { color, channels } = form;
  const sample = sampler(form);
  if (color === PALETTE) return fromPalette(form, sample);
  const hasOpacity = channels % 2 === 0;
  const isGrey = channels < 3;
  const clear = hasOpacity ? null : clearValue(form);
  return (row, x, rgba, at) => {
    const first = x * channels;
    const red = sample(row, first);
    const green = isGrey ? red : sample(row, first + 1);
    const blue = isGrey ? red : sample(row, first + 2);
    const isClear = clear !== null && red === clear[0] && green === clear[1] && blue === clear[2];
    rgba[at] = eightBits(red, form.depth);
    rgba[at + 1] = eightBits(green, form.depth);
    rgba[at + 2] = eightBits(blue, form.depth);
    const opacity = hasOpacity ? eightBits(sample(row, first + channels - 1), form.depth) : 255;
    rgba[at + 3] = isClear ? 0 : opacity;
  };
}

function fromPalette({ palette = new Uint8Array(), clear }: PngForm, sample: Sampler): Paint {
  return (row, x, rgba, at) => {
    const n = sample(row, x);
    for (let channel = 0; channel < 3; channel++)
      rgba[at + channel] = palette[n * 3 + channel] ?? 0;
    rgba[at + 3] = clear?.[n] ?? 255;
  };
}

type Sampler = (row: Uint8Array, at: number) => number;

function sampler({ depth }: PngForm): Sampler {
  if (depth === 8) return (row, at) => row[at] as number;
  if (depth === 16) return (row, at) => (row[2 * at] as number) * 256 + (row[2 * at + 1] as number);
  const perByte = 8 / depth;
  const mask = (1 << depth) - 1;
  return (row, at) => {
    const shift = 8 - depth * (1 + (at % perByte));
    return ((row[Math.floor(at / perByte)] as number) >> shift) & mask;
  };
}

function eightBits(value: number, depth: number): number {
  if (depth === 8) return value;
  return depth === 16 ? value >> 8 : Math.round((value * 255) / ((1 << depth) - 1));
}

function clearValue({ clear, color }: PngForm): readonly number[] | null {
  if (!clear || clear.length < 2) return null;
  const value = (n: number) => (clear[2 * n] ?? 0) * 256 + (clear[2 * n + 1] ?? 0);
  return color === 0 ? [value(0), value(0), value(0)] : [value(0), value(1), value(2)];
}
