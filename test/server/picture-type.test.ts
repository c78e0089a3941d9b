import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inspectPicture } from '../../src/server/picture-type.ts';

const sample = (name: string) =>
  readFileSync(join(import.meta.dirname, '..', '..', 'img', name)) as Buffer;
const png = sample('night.png');
const jpeg = sample('morning.jpg');
const gif = sample('tail.gif');
const webp = sample('box.webp');

const EOI = Buffer.from([0xff, 0xd9]);
const html = Buffer.from('<script>alert(1)</script>');
const zip = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(100, 0x30)]);

/** The night as a picture of another size, by its head alone. */
function sized(width: number, height: number): Buffer {
  const data = Buffer.from(png);
  data.writeUInt32BE(width, 16);
  data.writeUInt32BE(height, 20);
  return data;
}

describe('a picture', () => {
  test.each([
    ['png', png, 'image/png'],
    ['jpeg', jpeg, 'image/jpeg'],
    ['two jpegs in one file, as cameras write them', Buffer.concat([jpeg, jpeg]), 'image/jpeg'],
    ['two jpegs with zeros between', Buffer.concat([jpeg, Buffer.alloc(64), jpeg]), 'image/jpeg'],
    ['gif', gif, 'image/gif'],
    ['webp', webp, 'image/webp'],
  ])('%s is known by its bytes', (_, data, type) => {
    expect(inspectPicture(data)).toEqual({ type });
  });

  test.each([
    ['a png with a zip behind it', Buffer.concat([png, zip])],
    ['a jpeg with a page behind it', Buffer.concat([jpeg, html])],
    ['a jpeg with a page behind it that ends like one', Buffer.concat([jpeg, html, EOI])],
    ['a jpeg with a zip behind it that ends like one', Buffer.concat([jpeg, zip, EOI])],
    [
      'a gif with a script behind it that ends like one',
      Buffer.concat([gif, html, gif.subarray(-1)]),
    ],
    ['a script that begins like a gif', Buffer.from('GIF89a/*\0\0\0*/=1;')],
    ['a webp with a zip behind it', Buffer.concat([webp, zip])],
    ['a page', html],
    ['a picture of no size', sized(0, 0)],
    ['a picture of 42 megapixels', sized(6_500, 6_500)],
    ['a picture as large as can be written', sized(2 ** 31 - 1, 2 ** 31 - 1)],
  ])('%s is none', (_, data) => {
    expect(inspectPicture(data)).toEqual({ problem: expect.any(String) });
  });

  test.each([
    ['png', png],
    ['jpeg', jpeg],
    ['gif', gif],
    ['webp', webp],
  ])('%s cut anywhere is none, and nothing is thrown', (_, data) => {
    for (let end = 0; end < data.length; end += 97) {
      expect(inspectPicture(data.subarray(0, end))).toHaveProperty('problem');
    }
  });
});
