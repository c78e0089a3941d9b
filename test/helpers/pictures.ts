import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Bitmap } from '../../src/terminal/decode/bitmap.ts';
import { fixture } from './bundle.ts';

const IMG = join(import.meta.dirname, '..', '..', 'img');

/** What ImageMagick 6.9 reads in the pictures of test/fixtures/pictures, and in those of img/. */
const read = JSON.parse(readFileSync(fixture('pictures/pixels.json'), 'utf8')) as {
  /** All pixels of a small one, base64. */
  readonly png: Record<string, string>;
  /** Each frame as 8 times 6 means, hex. */
  readonly frames: Record<string, string[]>;
};
const THUMB = { width: 8, height: 6 };

export const pngs = Object.keys(read.png);
export const framed = Object.keys(read.frames);

function pathOf(name: string): string {
  const isSample = /^(morning|night|tail|box)\./.test(name);
  return isSample ? join(IMG, name) : fixture(`pictures/${name}`);
}

export function pictureFile(name: string): Buffer {
  return readFileSync(pathOf(name));
}

export function pixelsOf(png: string): Buffer {
  return Buffer.from(read.png[png] ?? '', 'base64');
}

/** What the frames of a picture are known to look like. */
export function thumbnails(name: string): Bitmap[] {
  return (read.frames[name] ?? []).map((hex) => ({ ...THUMB, rgba: Buffer.from(hex, 'hex') }));
}

/** The mean of what lies in each of 8 times 6 parts: plainly, for a picture of any size. */
export function thumbnail(of: Bitmap): Bitmap {
  const small = new Uint8Array(THUMB.width * THUMB.height * 4);
  for (let y = 0, to = 0; y < THUMB.height; y++) {
    for (let x = 0; x < THUMB.width; x++, to += 4) {
      const columns = within(x, THUMB.width, of.width);
      small.set(mean(of, columns, within(y, THUMB.height, of.height)), to);
    }
  }
  return { ...THUMB, rgba: small };
}

function within(at: number, parts: number, length: number): number[] {
  const first = Math.floor((at * length) / parts);
  const end = Math.ceil(((at + 1) * length) / parts);
  return Array.from({ length: end - first }, (_, n) => first + n);
}

function mean(
  { width, rgba }: Bitmap,
  columns: readonly number[],
  rows: readonly number[],
): number[] {
  const pixels = rows.flatMap((row) => columns.map((column) => (row * width + column) * 4));
  return [0, 1, 2, 3].map(
    (n) => pixels.reduce((sum, at) => sum + (rgba[at + n] ?? 0), 0) / pixels.length,
  );
}

/** The mean difference of a channel, of 255; colours count where both can be seen. */
export function difference(one: Bitmap, other: Bitmap): number {
  expect([one.width, one.height]).toEqual([other.width, other.height]);
  let [sum, count] = [0, 0];
  for (let at = 0; at < one.rgba.length; at += 4) {
    const isSeen = (one.rgba[at + 3] ?? 0) > 127 && (other.rgba[at + 3] ?? 0) > 127;
    for (const n of isSeen ? [0, 1, 2, 3] : [3]) {
      sum += Math.abs((one.rgba[at + n] ?? 0) - (other.rgba[at + n] ?? 0));
      count += 1;
    }
  }
  return sum / count;
}
