import type { PictureType } from '../../model/picture.ts';
import { decodeAvif } from './avif.ts';
import { type Bitmap, type Box, type Frame, UndecodableError } from './bitmap.ts';
import { framesOf } from './film.ts';
import { readGif } from './gif.ts';
import { isForPrinters, orientationOf } from './jpeg-head.ts';
import { isOnItsSide, upright } from './orientation.ts';
import { decodePng } from './png.ts';
import { fitInto, shrink } from './shrink.ts';
import { decodeJpeg, decodeWebp } from './wasm.ts';
import { readWebp } from './webp.ts';

/** A picture to be drawn. */
export interface Job {
  readonly data: Uint8Array;
  readonly type: PictureType;
  readonly box: Box;
  readonly maxPixels: number;
}

/**
 * The frames of a picture, upright and no larger than the box, each decoded when it is asked for.
 * @throws UndecodableError
 */
export async function* decodeFrames(job: Job): AsyncGenerator<Frame> {
  const { data, type, box, maxPixels } = job;
  switch (type) {
    case 'image/gif':
      return yield* shrunk(framesOf(readGif(data, maxPixels), maxPixels), box);
    case 'image/webp':
      return yield* shrunk(framesOf(await readWebp(data, decodeWebp, maxPixels), maxPixels), box);
    case 'image/png':
      return yield still(decodePng(data, maxPixels), box);
    case 'image/jpeg':
      if (isForPrinters(data)) throw new UndecodableError('has the colours of paper (CMYK)');
      return yield uprightJpeg(await decodeJpeg(data), data, box);
    case 'image/avif':
      return yield still(await decodeAvif(data, maxPixels), box);
    default:
      throw new UndecodableError('is of no type that can be drawn');
  }
}

async function* shrunk(frames: AsyncIterable<Frame>, box: Box): AsyncGenerator<Frame> {
  for await (const frame of frames) {
    yield { ...shrink(frame, fitInto(frame, box)), delayMs: frame.delayMs };
  }
}

function still(bitmap: Bitmap, box: Box): Frame {
  return { ...shrink(bitmap, fitInto(bitmap, box)), delayMs: 0 };
}

// Turned when it is small: that takes a copy.
function uprightJpeg(bitmap: Bitmap, data: Uint8Array, box: Box): Frame {
  const orientation = orientationOf(data);
  if (!isOnItsSide(orientation)) {
    return { ...upright(shrink(bitmap, fitInto(bitmap, box)), orientation), delayMs: 0 };
  }
  const seen = fitInto({ width: bitmap.height, height: bitmap.width }, box);
  const small = shrink(bitmap, { width: seen.height, height: seen.width });
  return { ...upright(small, orientation), delayMs: 0 };
}
