import { newBitmap, UndecodableError } from './bitmap.ts';
import type { Film, Patch } from './film.ts';
import { unpackLzw } from './lzw.ts';

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const DISPOSALS = ['keep', 'keep', 'clear', 'restore'] as const;

/** As browsers do: what asks for less means that it has not thought about it. */
const LEAST_DELAY_MS = 20;
const USUAL_DELAY_MS = 100;

/** GIF89a, picture after picture. */
export function readGif(data: Uint8Array, maxPixels: number): Film {
  const bytes = new Reader(data);
  bytes.skip(6);
  const [width, height, packed] = [bytes.short(), bytes.short(), bytes.byte()];
  bytes.skip(2);
  const colors = bytes.colors(packed);
  return { width, height, patches: patches(bytes, colors, maxPixels) };
}

function* patches(bytes: Reader, colors: Uint8Array, maxPixels: number): Generator<Patch> {
  let control = noControl;
  for (;;) {
    const kind = bytes.byte();
    if (kind === EXTENSION) {
      const isControl = bytes.byte() === GRAPHIC_CONTROL;
      const blocks = bytes.blocks();
      if (isControl) control = readControl(blocks);
    } else if (kind === IMAGE) {
      yield readImage(bytes, colors, control, maxPixels);
      control = noControl;
    } else return;
  }
}

interface Control {
  readonly delayMs: number;
  readonly disposal: Patch['disposal'];
  /** The colour number that is not painted; -1 for none. */
  readonly clear: number;
}

const noControl: Control = { delayMs: USUAL_DELAY_MS, disposal: 'keep', clear: -1 };

function readControl(block: Uint8Array): Control {
  const [packed = 0, low = 0, high = 0, clear = 0] = block;
  const delayMs = (low + high * 256) * 10;
  return {
    delayMs: delayMs < LEAST_DELAY_MS ? USUAL_DELAY_MS : delayMs,
    disposal: DISPOSALS[(packed >> 2) & 7] ?? 'keep',
    clear: packed & 1 ? clear : -1,
  };
}

function readImage(
  bytes: Reader,
  shared: Uint8Array,
  { delayMs, disposal, clear }: Control,
  maxPixels: number,
): Patch {
  const [left, top, width, height] = [bytes.short(), bytes.short(), bytes.short(), bytes.short()];
  const packed = bytes.byte();
  const own = bytes.colors(packed);
  const colors = own.length > 0 ? own : shared;
  const minBits = bytes.byte();
  const packedPixels = bytes.blocks();
  const bitmap = newBitmap(width, height, maxPixels);
  const numbers = new Uint8Array(width * height).fill(Math.max(0, clear));
  unpackLzw(packedPixels, minBits, numbers);
  const rows = packed & 0x40 ? interlaced(height) : null;
  for (let y = 0, from = 0; y < height; y++) {
    for (let at = (rows?.[y] ?? y) * width * 4, x = 0; x < width; x++, from++, at += 4) {
      const number = numbers[from] as number;
      if (number === clear) continue;
      bitmap.rgba.set(colors.subarray(number * 3, number * 3 + 3), at);
      bitmap.rgba[at + 3] = 255;
    }
  }
  return { left, top, bitmap, delayMs, disposal, covers: 'where it is opaque' };
}

// Appendix E: every eighth row from 0, from 4, every fourth from 2, every second from 1.
function interlaced(height: number): number[] {
  const every = (first: number, step: number) =>
    Array.from(
      { length: Math.ceil(Math.max(0, height - first) / step) },
      (_, n) => first + n * step,
    );
  return [...every(0, 8), ...every(4, 8), ...every(2, 4), ...every(1, 2)];
}

class Reader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  skip(count: number): void {
    this.#at += count;
  }

  byte(): number {
    const byte = this.#data[this.#at++];
    if (byte === undefined) throw new UndecodableError('is cut short');
    return byte;
  }

  short(): number {
    return this.byte() + this.byte() * 256;
  }

  /** A table of colours, where the packed byte says that there is one. */
  colors(packed: number): Uint8Array {
    const length = packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0;
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  /** What stands in a row of blocks, up to its end. */
  blocks(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let size = this.byte(); size > 0; size = this.byte()) {
      parts.push(this.#data.subarray(this.#at, this.#at + size));
      this.#at += size;
    }
    return Buffer.concat(parts);
  }
}
