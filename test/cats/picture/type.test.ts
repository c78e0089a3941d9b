import { describe, expect, test } from 'vitest';
import { inspectPicture as inspect } from '../../../src/cats/picture/type.ts';
import { defaults } from '../../../src/defaults.ts';
import { avif, gif, html, jpeg, motionPhoto, png, script, webp, zip } from '../sample-pictures.ts';

const inspectPicture = (data: Buffer) => inspect(data, defaults.maxPicturePixels);

const join = (...parts: (Buffer | string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)));

/** The night as a picture of another size, by its head alone. */
function sized(width: number, height: number): Buffer {
  const data = Buffer.from(png);
  data.writeUInt32BE(width, 16);
  data.writeUInt32BE(height, 20);
  return data;
}

const SOI = [0xff, 0xd8];
const EOI = [0xff, 0xd9];
const frameAt = jpeg.indexOf(join([0xff, 0xc2]));
const scanAt = jpeg.indexOf(join([0xff, 0xda]), frameAt);
/** The morning with bytes between its marker segments: before its frame, and before its scan. */
const between = (...bytes: number[]) =>
  join(
    jpeg.subarray(0, frameAt),
    bytes,
    jpeg.subarray(frameAt, scanAt),
    bytes,
    jpeg.subarray(scanAt),
  );

/** The morning as a frame of no lines, which a segment behind the scan tells: B.2.5. */
function linesToldLate(): Buffer {
  const lines = jpeg.subarray(frameAt + 5, frameAt + 7);
  const late = join(jpeg.subarray(0, -2), [0xff, 0xdc, 0, 4], lines, EOI);
  late.fill(0, frameAt + 5, frameAt + 7);
  return late;
}

function riffLength(change: number): Buffer {
  const data = Buffer.from(webp);
  data.writeUInt32LE(data.readUInt32LE(4) + change, 4);
  return data;
}

/** An AVIF whose `mdat` says its length in another way: as the rest of the file, or in 64 bits. */
function avifOfLength(inWords: 'rest' | 'large'): Buffer {
  const at = avif.indexOf('mdat') - 4;
  const data = Buffer.from(avif);
  if (inWords === 'rest') {
    data.writeUInt32BE(0, at);
    return data;
  }
  const large = Buffer.from('\0\0\0\u0001mdat\0\0\0\0\0\0\0\0', 'latin1');
  large.writeBigUInt64BE(BigInt(avif.length - at + 8), 8);
  const moved = join(data.subarray(0, at), large, data.subarray(at + 8));
  const offsetAt = data.indexOf('iloc') + 16;
  moved.writeUInt32BE(data.readUInt32BE(offsetAt) + 8, offsetAt);
  return moved;
}

describe('a picture', () => {
  test.each([
    ['png', png, 'image/png'],
    ['jpeg', jpeg, 'image/jpeg'],
    ['gif', gif, 'image/gif'],
    ['webp', webp, 'image/webp'],
    ['avif', avif, 'image/avif'],
    ['a jpeg with fill bytes before its markers', between(0xff, 0xff, 0xff), 'image/jpeg'],
    ['a jpeg with markers that stand alone', between(0xff, 0x01, 0xff, 0xd0), 'image/jpeg'],
    ['a jpeg with an empty APP15 segment', between(0xff, 0xef, 0, 2), 'image/jpeg'],
    ['a jpeg with stray bytes between its segments', between(0, 0), 'image/jpeg'],
    ['a jpeg whose lines are told after its scan', linesToldLate(), 'image/jpeg'],
    [
      'a jpeg with a fill byte before its end',
      join(jpeg.subarray(0, -2), [0xff], EOI),
      'image/jpeg',
    ],
    ['a webp that leaves out its last padding', riffLength(-1), 'image/webp'],
    ['a webp whose RIFF says less than there is', riffLength(-200), 'image/webp'],
    ['an avif that goes on to the end of the file', avifOfLength('rest'), 'image/avif'],
    ['an avif that says its length in 64 bits', avifOfLength('large'), 'image/avif'],
  ])('%s is known by its bytes', (_, data, type) => {
    expect(inspectPicture(data)).toMatchObject({ type });
  });

  describe.each([
    ['png', png, 'image/png'],
    ['jpeg', jpeg, 'image/jpeg'],
    ['gif', gif, 'image/gif'],
    ['webp', webp, 'image/webp'],
    ['avif', avif, 'image/avif'],
  ])('%s', (_, data, type) => {
    test.each([
      ['a newline', Buffer.from('\n')],
      ['zeros', Buffer.alloc(4_096)],
      ['a film', motionPhoto.subarray(jpeg.length)],
      ['the same picture', data],
      ['a page', html],
      ['a page that ends like a picture', join(html, EOI, data.subarray(-12))],
      ['a zip', zip],
      ['a script', script],
      ['a box that is longer than the file', Buffer.from('\xff\xff\xff\xffwxyz', 'latin1')],
    ])('may have %s behind it', (_, behind) => {
      expect(inspectPicture(join(data, behind))).toMatchObject({ type });
    });

    test('has nothing before it', () => {
      for (const before of ['\n', html, zip, '\ufeff']) {
        expect(inspectPicture(join(before, data))).toHaveProperty('problem');
      }
    });

    test('cut anywhere is none, and nothing is thrown', () => {
      for (let end = 0; end < data.length; end += data.length > 10_000 ? 97 : 1) {
        expect([end, inspectPicture(data.subarray(0, end))]).toEqual([
          end,
          { problem: expect.any(String) },
        ]);
      }
    });
  });

  test.each([
    ['a script that begins like a gif', Buffer.from('GIF89a/*\0\0\0*/=1;')],
    ['a page', html],
    ['a zip', zip],
    ['half a jpeg with a whole one behind it', join(jpeg.subarray(0, jpeg.length / 2), jpeg)],
    ['half a jpeg that ends like one, without its frame', join(jpeg.subarray(0, frameAt), EOI)],
    ['nothing but the two ends of a jpeg', join(SOI, EOI)],
    ['a webp whose RIFF says more than there is', riffLength(2)],
    ['a picture of no size', sized(0, 0)],
    ['a picture of 42 megapixels', sized(6_500, 6_500)],
    ['a picture as large as can be written', sized(2 ** 31 - 1, 2 ** 31 - 1)],
  ])('%s is none', (_, data) => {
    expect(inspectPicture(data)).toEqual({ problem: expect.any(String) });
  });

  test('is none where an avif names as many places as fit in its head, and that takes no time', () => {
    const data = Buffer.from(avif);
    const sizesAt = data.indexOf('iloc') + 8;
    data.writeUInt16BE(0, sizesAt); // places of no bytes
    data.fill(0xff, sizesAt + 2, sizesAt + 26);
    expect(inspectPicture(data)).toHaveProperty('problem');
  });
});
