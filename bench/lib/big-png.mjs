import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { PNG_SIGNATURE, pngChunk } from './png.mjs';

const SIDE = 1_868;
const RGB = 3;

/** Noise that no compression helps: a valid PNG of 9.99 MiB, below the limit of 10 MiB. */
export function bigPng() {
  const rows = randomBytes(SIDE * (1 + SIDE * RGB));
  for (let row = 0; row < SIDE; row++) rows[row * (1 + SIDE * RGB)] = 0; // filter: none
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  const pixels = deflateSync(rows, { level: 0 });
  const none = Buffer.alloc(0);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    pngChunk('IDAT', pixels),
    pngChunk('IEND', none),
  ]);
}
