import { describe, expect, test } from 'vitest';
import type { PictureType } from '../../../src/model/picture.ts';
import type { Frame } from '../../../src/terminal/decode/bitmap.ts';
import { decodeFrames } from '../../../src/terminal/decode/frames.ts';
import { decodePng } from '../../../src/terminal/decode/png.ts';
import {
  difference,
  framed,
  pictureFile,
  pixelsOf,
  pngs,
  thumbnail,
  thumbnails,
} from '../../helpers/pictures.ts';

const LARGE = { width: 10_000, height: 10_000, pixelAspect: 1 };
const MOST = 40_000_000;

const types: Record<string, PictureType> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
};
const typeOf = (name: string) => types[name.split('.').at(-1) ?? ''] ?? 'image/avif';

async function decode(name: string, data = pictureFile(name), box = LARGE, maxPixels = MOST) {
  const frames: Frame[] = [];
  for await (const frame of decodeFrames({ data, type: typeOf(name), box, maxPixels })) {
    frames.push({ ...frame, rgba: frame.rgba.slice() });
  }
  return frames;
}

describe('a PNG', () => {
  test.each(pngs)('of any colour type, depth and passes is decoded: %s', (name) => {
    const { width, height, rgba } = decodePng(pictureFile(name), MOST);
    expect([width, height]).toEqual([13, 11]);
    const known = pixelsOf(name);
    // What cannot be seen has no colour that counts.
    const seen = (pixels: Uint8Array) =>
      pixels.map((value, at) => (at % 4 < 3 && pixels[at - (at % 4) + 3] === 0 ? 0 : value));
    const gaps = seen(rgba).map((value, at) => Math.abs(value - (seen(known)[at] ?? -1)));
    // Of 16 bits, one rounds where the other cuts.
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1);
  });
});

describe('a picture', () => {
  test.each(framed)('is decoded, all of its frames: %s', async (name) => {
    const frames = await decode(name);
    const known = thumbnails(name);
    expect(frames).toHaveLength(known.length);
    for (const [at, frame] of frames.entries()) {
      const far = difference(thumbnail(frame), known[at] ?? frame);
      expect([name, at, far]).toEqual([name, at, expect.any(Number)]);
      expect(far).toBeLessThan(4);
    }
  });
});
