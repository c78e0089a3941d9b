import type { PictureType } from '../../model/picture.ts';
import { avifIsWhole } from './avif.ts';
import { readJpeg } from './jpeg.ts';

/**
 * Whether a picture is there as far as its own end. What stands behind it (a film of the same moment,
 * a maker's notes, a newline) stays what it is: the type it is served by lets it do nothing.
 */
export function isWhole(type: PictureType, data: Buffer): boolean {
  try {
    return reachesEnd[type](data);
  } catch (error) {
    if (error instanceof RangeError) return false; // it names bytes that are not there
    throw error;
  }
}

const reachesEnd: Readonly<Record<PictureType, (data: Buffer) => boolean>> = {
  'image/png': pngIsWhole,
  'image/jpeg': (data) => readJpeg(data) !== null,
  'image/gif': gifIsWhole,
  'image/webp': webpIsWhole,
  'image/avif': avifIsWhole,
};

// PNG (ISO/IEC 15948) §5.3: length, type, data, CRC; the last chunk is IEND.
function pngIsWhole(data: Buffer): boolean {
  let at = 8;
  while (at + 12 <= data.length) {
    const type = data.toString('latin1', at + 4, at + 8);
    at += 12 + data.readUInt32BE(at);
    if (type === 'IEND') return at <= data.length;
  }
  return false;
}

// GIF89a §17-27: a screen, then extensions and images until the trailer.
function gifIsWhole(data: Buffer): boolean {
  let at = 13 + colorTable(byte(data, 10));
  for (;;) {
    const kind = byte(data, at);
    if (kind === 0x3b) return true;
    if (kind === 0x21) at = blocksEnd(data, at + 2);
    else if (kind === 0x2c) at = blocksEnd(data, at + 11 + colorTable(byte(data, at + 9)));
    else return false;
  }
}

function colorTable(packed: number): number {
  return packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0;
}

/** Where a row of blocks ends, each its length and its bytes, the last of them empty. */
function blocksEnd(data: Buffer, from: number): number {
  let at = from;
  for (let size = byte(data, at); size > 0; size = byte(data, at)) at += 1 + size;
  return at + 1;
}

// Nothing stands behind the end.
function byte(data: Buffer, at: number): number {
  return data[at] ?? -1;
}

// RIFF says how long it is, and each chunk in it; editors add chunks without counting them. The byte
// that pads to an even length is often left out at the end.
function webpIsWhole(data: Buffer): boolean {
  const end = 8 + data.readUInt32LE(4);
  if (end > data.length) return false;
  let at = 12;
  do {
    const size = data.readUInt32LE(at + 4);
    if (at + 8 + size > data.length) return false;
    at += 8 + size + (size % 2);
  } while (at + 8 <= end);
  return true;
}
