import { type Bitmap, type Frame, newBitmap } from './bitmap.ts';

/** What is painted over what was there, for one frame. */
export interface Patch {
  readonly left: number;
  readonly top: number;
  readonly bitmap: Bitmap;
  readonly delayMs: number;
  /** What becomes of its place when its time is over. */
  readonly disposal: 'keep' | 'clear' | 'restore';
  /** `all`: also with what is transparent in it. */
  readonly covers: 'all' | 'where it is opaque';
}

/** A picture of one or more frames, each read when it is its turn. */
export interface Film {
  readonly width: number;
  readonly height: number;
  readonly patches: Iterable<Patch> | AsyncIterable<Patch>;
}

/** The frames as they are seen. Each holds until the next is asked for. */
export async function* framesOf(film: Film, maxPixels: number): AsyncGenerator<Frame> {
  const canvas = newBitmap(film.width, film.height, maxPixels);
  for await (const patch of film.patches) {
    const before = patch.disposal === 'restore' ? canvas.rgba.slice() : null;
    paint(patch, canvas);
    yield { ...canvas, delayMs: patch.delayMs };
    if (before) canvas.rgba.set(before);
    if (patch.disposal === 'clear') clear(patch, canvas);
  }
}

function paint({ bitmap, left, top, covers }: Patch, canvas: Bitmap): void {
  const { width, height } = visible(bitmap, left, top, canvas);
  for (let y = 0; y < height; y++) {
    const from = y * bitmap.width * 4;
    const row = bitmap.rgba.subarray(from, from + width * 4);
    const at = ((top + y) * canvas.width + left) * 4;
    if (covers === 'all') canvas.rgba.set(row, at);
    else for (let x = 0; x < row.length; x += 4) blend(row, x, canvas.rgba, at + x);
  }
}

function clear({ bitmap, left, top }: Patch, canvas: Bitmap): void {
  const { width, height } = visible(bitmap, left, top, canvas);
  for (let y = 0; y < height; y++) {
    const at = ((top + y) * canvas.width + left) * 4;
    canvas.rgba.fill(0, at, at + width * 4);
  }
}

function visible({ width, height }: Bitmap, left: number, top: number, canvas: Bitmap) {
  return {
    width: Math.max(0, Math.min(width, canvas.width - left)),
    height: Math.max(0, Math.min(height, canvas.height - top)),
  };
}

// https://www.w3.org/TR/compositing-1/#simplealphacompositing, with opacities of 255 at most.
function blend(from: Uint8Array, at: number, to: Uint8Array, toAt: number): void {
  const opacity = from[at + 3] as number;
  if (opacity === 0) return;
  const under = ((to[toAt + 3] as number) * (255 - opacity)) / 255;
  const all = opacity + under;
  for (let n = 0; n < 3; n++) {
    const sum = (from[at + n] as number) * opacity + (to[toAt + n] as number) * under;
    to[toAt + n] = Math.round(sum / all);
  }
  to[toAt + 3] = Math.round(all);
}
