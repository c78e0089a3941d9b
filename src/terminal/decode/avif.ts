import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Bitmap, UndecodableError } from './bitmap.ts';

/** As much of https://sharp.pixelplumbing.com as is used here. */
interface Sharp {
  rotate(): Sharp;
  toColourspace(space: 'srgb'): Sharp;
  ensureAlpha(): Sharp;
  raw(): Sharp;
  toBuffer(how: { resolveWithObject: true }): Promise<{
    readonly data: Buffer;
    readonly info: { readonly width: number; readonly height: number };
  }>;
}
type MakeSharp = (data: Uint8Array, how: { limitInputPixels: number }) => Sharp;

/** AVIF's decoder alone would be as large as all of meowctl: sharp's is used where it is installed. */
export async function decodeAvif(data: Uint8Array, maxPixels: number): Promise<Bitmap> {
  const picture = loadSharp()(data, { limitInputPixels: maxPixels });
  try {
    const upright = picture.rotate().toColourspace('srgb').ensureAlpha().raw();
    const { data: rgba, info } = await upright.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, rgba };
  } catch (cause) {
    throw new UndecodableError('is damaged', { cause });
  }
}

/**
 * Beside meowctl, as npm puts packages, or among what this Node has for everybody; never out of the
 * folder that somebody happens to be in, whose code is not theirs to run.
 */
function loadSharp(): MakeSharp {
  const everybodys = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'package.json');
  for (const from of [__filename, everybodys]) {
    const found = tryLoad(createRequire(from));
    if (found) return found;
  }
  throw new UndecodableError('is an avif, which is drawn only where sharp is installed');
}

function tryLoad(load: NodeJS.Require): MakeSharp | null {
  const name = 'sharp';
  try {
    return load(name) as MakeSharp;
  } catch (error) {
    // Not there, or not for this machine.
    if (error instanceof Error) return null;
    throw error;
  }
}
