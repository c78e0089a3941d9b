import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PictureType } from '../../../src/model/picture.ts';
import { type Bitmap, type Frame, UndecodableError } from '../../../src/terminal/decode/bitmap.ts';
import { decodeFrames } from '../../../src/terminal/decode/frames.ts';
import { upright } from '../../../src/terminal/decode/orientation.ts';
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
import { bombPng, emptyPng, hugePng, oriented, wideGif } from '../../helpers/planted-pictures.ts';

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

describe('a JPEG of a camera that was not held upright', () => {
  // What the camera saw is `1 2 3 / 4 5 6`: Exif 2.32, tag 274.
  test.each([
    [1, ['123', '456']],
    [2, ['321', '654']],
    [3, ['654', '321']],
    [4, ['456', '123']],
    [5, ['14', '25', '36']],
    [6, ['41', '52', '63']],
    [7, ['63', '52', '41']],
    [8, ['36', '25', '14']],
  ] as const)('is turned: orientation %d', (orientation, seen) => {
    const rgba = Uint8Array.from([...'123456'].flatMap((digit) => [Number(digit), 0, 0, 255]));
    const turned = upright({ width: 3, height: 2, rgba }, orientation);
    const rows = Array.from({ length: turned.height }, (_, y) =>
      Array.from({ length: turned.width }, (_, x) => turned.rgba[(y * turned.width + x) * 4]).join(
        '',
      ),
    );
    expect(rows).toEqual(seen);
  });

  test.each([[1], [2], [3], [4], [5], [6], [7], [8]] as const)(
    'is decoded upright, in a box of its turned shape: orientation %d',
    async (orientation) => {
      const box = { width: 80, height: 80, pixelAspect: 1 };
      const [known] = thumbnails('morning.jpg');
      const isOnItsSide = orientation > 4;
      for (const isLittle of [false, true]) {
        const data = oriented('morning.jpg', orientation, isLittle);
        const [frame] = await decode('morning.jpg', data, box);
        expect(frame).toMatchObject(
          isOnItsSide ? { width: 60, height: 80 } : { width: 80, height: 60 },
        );
        const back = upright(
          frame as Bitmap,
          ({ 6: 8, 8: 6 } as const)[orientation as 6] ?? orientation,
        );
        expect(difference(thumbnail(back), known as Bitmap)).toBeLessThan(4);
      }
    },
  );

  test('that says something else is left as it is', async () => {
    for (const orientation of [0, 9, 255]) {
      const [frame] = await decode('morning.jpg', oriented('morning.jpg', orientation));
      expect(frame).toMatchObject({ width: 800, height: 600 });
    }
  });
});

describe('a picture that lies', () => {
  test.each([
    ['a PNG that unpacks to 400 MB', 'bomb.png', bombPng],
    ['a PNG of 36 megapixels with nothing in it', 'empty.png', emptyPng],
    ['a PNG of 50 megapixels', 'huge.png', hugePng],
    ['a GIF of one pixel with a frame of 4,294 megapixels', 'wide.gif', wideGif],
    ['a JPEG of printers', 'cmyk.jpg', () => pictureFile('cmyk.jpg')],
  ])('is refused: %s', async (_, name, make) => {
    await expect(decode(name, make())).rejects.toThrow();
  });

  test('is refused where a frame of a film is larger than the film says', async () => {
    const film = Buffer.from(pictureFile('film.webp'));
    const at = film.indexOf('ANMF') + 8;
    film.writeUIntLE(9_000, at + 6, 3);
    film.writeUIntLE(9_000, at + 9, 3);
    await expect(decode('film.webp', film)).rejects.toThrow(UndecodableError);
    film.writeUIntLE(200, at + 6, 3);
    film.writeUIntLE(200, at + 9, 3);
    await expect(decode('film.webp', film)).rejects.toThrow(UndecodableError);
  });

  const names = [
    'night.png',
    'morning.jpg',
    'tail.gif',
    'box.webp',
    'film.webp',
    'progressive.jpg',
  ];
  test.each(names)(
    'or is damaged is drawn in part or not at all, and nothing else: %s',
    async (name) => {
      const whole = pictureFile(name);
      const box = { width: 20, height: 20, pixelAspect: 1 };
      const place = fc.nat(whole.length - 1);
      const change = fc.record({ at: place, value: fc.nat(255) });
      await fc.assert(
        fc.asyncProperty(
          fc.array(change, { maxLength: 6 }),
          fc.option(place),
          async (changes, end) => {
            const data = Buffer.from(whole.subarray(0, end ?? whole.length));
            for (const { at, value } of changes) if (at < data.length) data[at] = value;
            const frames = await decode(name, data, box).catch((error: unknown) => {
              expect(error).toBeInstanceOf(Error);
              return [];
            });
            for (const { width, height, rgba } of frames) {
              expect(width <= 20 && height <= 20 && rgba.length === width * height * 4).toBe(true);
            }
          },
        ),
        { numRuns: 60 },
      );
    },
  );
});
