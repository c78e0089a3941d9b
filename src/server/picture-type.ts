import { imageSize } from 'image-size';
import { defaults } from '../config.ts';
import type { PictureType } from '../store/pictures.ts';
import { endsWithPicture } from './picture-end.ts';

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
  if (!type || found.pixels === 0) return { problem: notOurs };
  if (found.pixels > defaults.maxPicturePixels) return { problem: tooManyPixels };
  if (!endsWithPicture(type, data))
    return { problem: 'is cut short, or goes on after the picture' };
  return { type };
}

const notOurs = 'is not a png, jpeg, gif, webp or avif picture';
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
