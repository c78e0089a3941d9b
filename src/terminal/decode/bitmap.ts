/** Pixels as decoders give them. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel, a byte each, row after row from the top. */
  readonly rgba: Uint8Array;
}

/** One picture of a film: all of it, as it is to be seen. */
export interface Frame extends Bitmap {
  /** How long it is seen before the next one. */
  readonly delayMs: number;
}

/** What a picture has to fit into. */
export interface Box {
  readonly width: number;
  readonly height: number;
  /** How many times as high as wide a pixel is shown. */
  readonly pixelAspect: number;
}

/** Says in words that follow "the picture" why it cannot be decoded. */
export class UndecodableError extends Error {}

/** @throws UndecodableError for more pixels than may be decoded */
export function checkSize(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels) {
    throw new UndecodableError(`has more than ${maxPixels / 1_000_000} megapixels`);
  }
  if (width * height === 0) throw new UndecodableError('has no pixels');
}

/** @throws UndecodableError as `checkSize` does */
export function newBitmap(width: number, height: number, maxPixels: number): Bitmap {
  checkSize(width, height, maxPixels);
  return { width, height, rgba: new Uint8Array(width * height * 4) };
}
