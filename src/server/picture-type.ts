import { imageSize } from 'image-size';
import { defaults } from '../config.ts';
import type { PictureType } from '../store/types.ts';

const types: Readonly<Record<string, PictureType>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
};

export type Inspection = { readonly type: PictureType } | { readonly problem: string };

/**
 * What a file is by its bytes, whatever it is called. A file that goes on after the picture's end
 * may be something else as well, so it is none.
 * @returns the type, or in words that follow "the file" why it is not taken
 */
export function inspectPicture(data: Buffer): Inspection {
  const found = measure(data);
  const type = found && types[found.type];
  if (!type) return { problem: 'is not a png, jpeg, gif, webp or avif picture' };
  if (found.pixels > defaults.maxPicturePixels) return { problem: tooManyPixels };
  if (!ends[type](data)) return { problem: 'is cut short, or goes on after the picture' };
  return { type };
}

const tooManyPixels = `has more than ${defaults.maxPicturePixels / 1_000_000} megapixels`;

function measure(data: Buffer): { type: string; pixels: number } | null {
  try {
    const { type = '', width, height } = imageSize(data);
    return { type, pixels: width * height };
  } catch (error) {
    // It throws TypeError for what it does not know and RangeError for what is cut short.
    if (error instanceof Error) return null;
    throw error;
  }
}

const ends: Readonly<Record<PictureType, (data: Buffer) => boolean>> = {
  'image/png': pngEnds,
  'image/jpeg': (data) => data.length > 4 && data.readUInt16BE(data.length - 2) === 0xffd9,
  'image/gif': (data) => data.at(-1) === 0x3b,
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
