import { imageSize } from 'image-size';
import type { PictureType } from '../../model/picture.ts';
import { isAvif } from './avif.ts';
import { isWhole } from './is-whole.ts';
import { beginsAsJpeg, readJpeg } from './jpeg.ts';

const types: Readonly<Record<string, PictureType>> = {
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
};

/** What a picture is, and its size as its header says it. */
interface Inspected {
  readonly type: PictureType;
  readonly width: number;
  readonly height: number;
}
export type Inspection = Inspected | { readonly problem: string };

/**
 * What a file is by its bytes, whatever it is called and whatever stands behind the picture.
 * @returns what it is, or in words that follow "the file" why it is not taken
 */
export function inspectPicture(data: Buffer, maxPixels: number): Inspection {
  const found = measure(data);
  if (!found) return { problem: notOurs };
  const { type, width, height } = found;
  const pixels = width * height;
  if (pixels > maxPixels) return { problem: tooManyPixels(maxPixels) };
  if (!isWhole(type, data)) return { problem: 'is cut short' };
  return pixels === 0 ? { problem: notOurs } : found;
}

const notOurs = 'is not a png, jpeg, gif, webp or avif picture';
const tooManyPixels = (most: number) => `has more than ${most / 1_000_000} megapixels`;

function measure(data: Buffer): Inspected | null {
  // By our own reading: image-size loses its way at fill bytes, and where lines are told late.
  if (beginsAsJpeg(data)) {
    return { type: 'image/jpeg', ...(readJpeg(data) ?? { width: 0, height: 0 }) };
  }
  try {
    const found = imageSize(data);
    const type = isAvif(data) ? 'image/avif' : types[found.type ?? ''];
    return type ? { type, width: found.width, height: found.height } : null;
  } catch (error) {
    // It throws TypeError for what it does not know and RangeError for what is cut short.
    if (error instanceof Error) return null;
    throw error;
  }
}
