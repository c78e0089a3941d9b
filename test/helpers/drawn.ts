import { inflateSync } from 'node:zlib';
import type { Bitmap } from '../../src/terminal/decode/bitmap.ts';

/* Reads back what was drawn in a terminal, as terminals read it; not by the code that wrote it. */

type Color = readonly number[];

const CUBE = [0, 95, 135, 175, 215, 255];

/** xterm's palette, from 16 on. */
function indexed(n: number): Color {
  if (n >= 232) return Array<number>(3).fill(8 + 10 * (n - 232));
  const at = n - 16;
  return [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((step) => CUBE[step] ?? -1);
}

/** Characters with colours, two pixels each: lines of `▀`, `▄` and blanks. Of the rest nothing is read. */
export function readBlocks(text: string): Bitmap {
  const pen = new Pen();
  const rows = text.split(/\r?\n/).flatMap((line) => {
    const halves = [...line.matchAll(/\u001b\[[\d;]*m|[▀▄ ]/g)].flatMap(([part]) => pen.take(part));
    return halves.length === 0
      ? []
      : [halves.map(([upper]) => upper), halves.map(([, lower]) => lower)];
  });
  return bitmapOf(rows);
}

class Pen {
  #fore: Color = [];
  #ground: Color = [];

  /** @returns the upper and the lower half of a character; nothing for a change of colour */
  take(part: string): [Color, Color][] {
    if (part === '▀') return [[this.#fore, this.#ground]];
    if (part === '▄') return [[this.#ground, this.#fore]];
    if (part === ' ') return [[this.#ground, this.#ground]];
    const codes = part.slice(2, -1).split(';').map(Number);
    while (codes.length > 0) this.#color(codes);
    return [];
  }

  #color(codes: number[]): void {
    const code = codes.shift() ?? 0;
    const isFull = code === 38 || code === 48;
    const color = isFull ? fullColor(codes) : [];
    if (code === 0 || code === 38 || code === 39) this.#fore = color;
    if (code === 0 || code === 48 || code === 49) this.#ground = color;
  }
}

function fullColor(codes: number[]): Color {
  return codes.shift() === 2 ? codes.splice(0, 3) : indexed(codes.shift() ?? 0);
}

/** Rows of colours; an empty one is what was not painted. */
function bitmapOf(rows: readonly (readonly Color[])[]): Bitmap {
  const width = Math.max(0, ...rows.map((row) => row.length));
  const rgba = new Uint8Array(width * rows.length * 4);
  for (const [y, row] of rows.entries()) {
    for (const [x, color] of row.entries()) {
      if (color.length === 3) rgba.set([...color, 255], (y * width + x) * 4);
    }
  }
  return { width, height: rows.length, rgba };
}

/** The sixels in a text, DEC STD 070: each picture of it. */
export function readSixels(text: string): Bitmap[] {
  return [...text.matchAll(/\u001bP[\d;]*q([^\u001b]*)\u001b\\/g)].map(([, body = '']) =>
    readSixel(body),
  );
}

function readSixel(body: string): Bitmap {
  const [, width = '0', height = '0'] = /^"1;1;(\d+);(\d+)/.exec(body) ?? [];
  const sixels = new Sixels(Number(width), Number(height));
  const marks = body.replace(/^"[\d;]*/, '');
  for (const [mark] of marks.matchAll(/#\d+(?:;2;\d+;\d+;\d+)?|!\d+.|./g)) sixels.take(mark);
  return sixels;
}

class Sixels implements Bitmap {
  readonly rgba: Uint8Array;
  readonly #registers = new Map<number, Color>();
  #color: Color = [];
  #x = 0;
  #top = 0;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.rgba = new Uint8Array(width * height * 4);
  }

  take(mark: string): void {
    const [first = 0, , ...parts] = mark
      .slice(1)
      .split(';')
      .map((part) => Number.parseInt(part, 10));
    if (mark.startsWith('#')) {
      if (parts.length === 3)
        this.#registers.set(
          first,
          parts.map((share) => Math.round(share * 2.55)),
        );
      else this.#color = this.#registers.get(first) ?? [];
    } else if (mark === '$' || mark === '-') {
      this.#x = 0;
      if (mark === '-') this.#top += 6;
    } else this.#paint(mark.charCodeAt(mark.length - 1) - 63, mark.startsWith('!') ? first : 1);
  }

  #paint(bits: number, times: number): void {
    for (let left = times; left > 0; left--, this.#x++) {
      for (let y = 0; y < 6; y++) {
        const at = ((this.#top + y) * this.width + this.#x) * 4;
        if (bits & (1 << y) && at < this.rgba.length) this.rgba.set([...this.#color, 255], at);
      }
    }
  }
}

export interface KittyImage {
  readonly keys: Readonly<Record<string, string>>;
  /** As it was sent, unpacked. */
  readonly data: Buffer;
}

/** What was sent by kitty's protocol, but for questions. */
export function readKitty(text: string): KittyImage[] {
  const images: KittyImage[] = [];
  let keys: Record<string, string> = {};
  let base64 = '';
  for (const [, head = '', body = ''] of text.matchAll(/\u001b_G([^;]*);([^\u001b]*)\u001b\\/g)) {
    const said = Object.fromEntries(head.split(',').map((pair) => pair.split('=')));
    if (said.a === 'q') continue;
    if (said.a === 'T') [keys, base64] = [said, ''];
    if (body.length > 4_096) throw new Error(`a message of ${body.length} characters`);
    base64 += body;
    if (said.m !== '0') continue;
    const data = Buffer.from(base64, 'base64');
    images.push({ keys, data: keys.o === 'z' ? inflateSync(data) : data });
  }
  return images;
}

export interface ItermFile {
  readonly keys: Readonly<Record<string, string>>;
  readonly data: Buffer;
}

export function readIterm(text: string): ItermFile[] {
  return [...text.matchAll(/\u001b\]1337;File=([^:]*):([^\u0007]*)\u0007/g)].map(
    ([, head = '', body = '']) => ({
      keys: Object.fromEntries(head.split(';').map((pair) => pair.split('='))),
      data: Buffer.from(body, 'base64'),
    }),
  );
}
