import { crc32, deflateSync } from 'node:zlib';
import { pictureFile } from './pictures.ts';

/* Pictures that lie, or ask for more than they should get: each of a few hundred kB at most. */

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  readonly color?: number;
}

/** @param rows what is packed as its pixels, whatever the header says */
function pngOf({ width, height, depth = 8, color = 6 }: Header, rows: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, color], 8);
  const signature = Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1');
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')];
  return Buffer.concat([signature, ...parts]);
}

function chunk(type: string, data = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Says that it is small; what is packed in it is 400 MB. */
export function bombPng(): Buffer {
  return pngOf({ width: 10, height: 10 }, Buffer.alloc(400_000_000));
}

/** Says that it is large; there is next to nothing in it. */
export function emptyPng(): Buffer {
  return pngOf({ width: 6_000, height: 6_000, depth: 16 }, Buffer.alloc(10));
}

/** A progressive JPEG of 39 megapixels that is gone through 60,000 times: minutes of work in 5 MB. */
export function endlessJpeg(): Buffer {
  const side = 6_296;
  const blocks = (side / 8) ** 2;
  const size = [side >> 8, side & 255];
  const segment = (code: number, body: readonly number[]) => [
    0xff,
    code,
    0,
    body.length + 2,
    ...body,
  ];
  // One code each, of one bit: a block of no change, and 16,384 blocks without anything more.
  const table = (kind: number, value: number) => [kind, 1, ...Array(15).fill(0), value];
  const head = [
    ...[0xff, 0xd8],
    ...segment(0xdb, [0, ...Array(64).fill(1)]),
    ...segment(0xc2, [8, ...size, ...size, 1, 1, 0x11, 0]),
    ...segment(0xc4, [...table(0, 0), ...table(0x10, 0xe0)]),
  ];
  const first = segment(0xda, [1, 1, 0, 0, 0, 0]);
  const more = segment(0xda, [1, 1, 0, 1, 63, 0]);
  const scan = Buffer.from([
    ...more,
    ...Array(Math.ceil((Math.ceil(blocks / 16_384) * 15) / 8)).fill(0),
  ]);
  return Buffer.concat([
    Buffer.from([...head, ...first]),
    Buffer.alloc(Math.ceil(blocks / 8)),
    ...Array<Buffer>(60_000).fill(scan),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** More than may be drawn, as its header says. */
export function hugePng(): Buffer {
  return pngOf({ width: 10_000, height: 5_000, depth: 1, color: 0 }, Buffer.alloc(1_251 * 5_000));
}

/** A screen of one pixel, and on it a picture of 4,294 megapixels. */
export function wideGif(): Buffer {
  const screen = [1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
  const image = [0x2c, 0, 0, 0, 0, 255, 255, 255, 255, 0, 2, 2, 0x4c, 0x01, 0, 0x3b];
  return Buffer.concat([Buffer.from('GIF89a'), Buffer.from([...screen, ...image])]);
}

/** Pictures of one colour, each of which stays for half a minute. */
export function longGif(): Buffer {
  const screen = [2, 0, 2, 0, 0x80, 0, 0, 200, 50, 50, 50, 50, 200];
  const frame = (color: number) => [
    ...[0x21, 0xf9, 4, 4, 0xb8, 0x0b, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2],
    ...packed(color),
  ];
  const bytes = [...screen, ...frame(0), ...frame(1), ...frame(0), 0x3b];
  return Buffer.concat([Buffer.from('GIF89a'), Buffer.from(bytes)]);
}

// Codes of 3 bits: clear, four times the colour with a clear in between, end.
function packed(color: number): number[] {
  const codes = [4, color, color, 4, color, color, 5];
  const bits = codes.reduce((sum, code, n) => sum | (BigInt(code) << BigInt(3 * n)), 0n);
  return [3, Number(bits & 255n), Number((bits >> 8n) & 255n), Number(bits >> 16n), 0];
}

/** A JPEG as a camera writes it that was held otherwise. */
export function oriented(name: string, orientation: number, isLittle = false): Buffer {
  const tiff = Buffer.alloc(26);
  const short = (value: number, at: number) =>
    isLittle ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  tiff.write(isLittle ? 'II' : 'MM');
  short(42, 2);
  if (isLittle) tiff.writeUInt32LE(8, 4);
  else tiff.writeUInt32BE(8, 4);
  const values = [1, 274, 3];
  values.forEach((value, n) => void short(value, 8 + 2 * n));
  if (isLittle) tiff.writeUInt32LE(1, 14);
  else tiff.writeUInt32BE(1, 14);
  short(orientation, 18);
  const body = Buffer.concat([Buffer.from('Exif\0\0'), tiff]);
  const length = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  const jpeg = pictureFile(name);
  return Buffer.concat([jpeg.subarray(0, 2), length, body, jpeg.subarray(2)]);
}

/** Its head, its colours, and its end. */
export function framelessGif(): Buffer {
  const head = Buffer.from('GIF89a\u0004\0\u0004\0\u0080\0\0', 'latin1');
  return Buffer.concat([head, Buffer.alloc(6), Buffer.from(';')]);
}
