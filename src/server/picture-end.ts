import type { PictureType } from '../store/pictures.ts';

/** Whether the file's last byte is the picture's last: what goes on may be something else as well. */
export function endsWithPicture(type: PictureType, data: Buffer): boolean {
  return ends[type](data);
}

const ends: Readonly<Record<PictureType, (data: Buffer) => boolean>> = {
  'image/png': pngEnds,
  'image/jpeg': jpegEnds,
  'image/gif': gifEnds,
  'image/webp': (data) => data.length > 12 && riffLength(data) === data.length,
  'image/avif': boxesEnd,
};

// PNG (ISO/IEC 15948) §5.3: length, type, data, CRC; the last chunk is IEND.
function pngEnds(data: Buffer): boolean {
  let at = 8;
  while (at + 12 <= data.length) {
    const type = data.toString('latin1', at + 4, at + 8);
    at += 12 + data.readUInt32BE(at);
    if (type === 'IEND') return at === data.length;
  }
  return false;
}

// ISO/IEC 10918-1 annex B. Cameras put several pictures into one file (CIPA DC-007, MPF), one
// behind the other, with zeros between them.
function jpegEnds(data: Buffer): boolean {
  let at = 0;
  while (at < data.length) {
    if (data.readUInt8(at) === 0 && at > 0) at += 1;
    else at = jpegLength(data, at);
    if (at === -1) return false;
  }
  return true;
}

/** Where the picture that starts at `at` ends; -1 where none does. */
function jpegLength(data: Buffer, start: number): number {
  if (byte(data, start) !== 0xff || byte(data, start + 1) !== SOI) return -1;
  let at = start + 2;
  while (byte(data, at) === 0xff) {
    const marker = byte(data, at + 1);
    if (marker === EOI) return at + 2;
    if (marker === 0xff) at += 1;
    else if (at + 4 > data.length) return -1;
    else at = scanEnd(data, marker, at + 2 + data.readUInt16BE(at + 2));
  }
  return -1;
}

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

// After the head of a scan come its bytes, where 0xff00 is a byte and 0xffd0 to 0xffd7 are restarts.
function scanEnd(data: Buffer, marker: number, from: number): number {
  if (marker !== SOS) return from;
  let at = data.indexOf(0xff, from);
  while (at !== -1 && isWithinScan(byte(data, at + 1))) at = data.indexOf(0xff, at + 2);
  return at === -1 ? data.length : at;
}

function isWithinScan(next: number): boolean {
  return next === 0 || (next >= 0xd0 && next <= 0xd7);
}

// GIF89a §17-27: a screen, then extensions and images until the trailer.
function gifEnds(data: Buffer): boolean {
  let at = 13 + colorTable(byte(data, 10));
  for (;;) {
    const kind = byte(data, at);
    if (kind === 0x3b) return at + 1 === data.length;
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

// RIFF pads to an even length.
function riffLength(data: Buffer): number {
  const size = data.readUInt32LE(4);
  return 8 + size + (size % 2);
}

// ISO/IEC 14496-12 §4.2: a box is its length, its type and its content.
function boxesEnd(data: Buffer): boolean {
  let at = 0;
  while (at + 8 <= data.length) {
    const size = data.readUInt32BE(at);
    if (size < 8) return false;
    at += size;
  }
  return at === data.length;
}
