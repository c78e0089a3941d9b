import jpegWasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decodeJpegFile, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import webpWasm from '@jsquash/webp/codec/dec/webp_dec.wasm';
import decodeWebpFile, { init as initWebp } from '@jsquash/webp/decode.js';
import { type Bitmap, UndecodableError } from './bitmap.ts';

/*
 * The decoders of mozjpeg and libwebp, as WebAssembly: they check what they read as browsers do, and
 * what goes wrong in them stays in their own memory, 2 GiB at most.
 */

export async function decodeJpeg(data: Uint8Array): Promise<Bitmap> {
  await start(initJpeg as unknown as Init, jpegWasm);
  return decoded(decodeJpegFile as unknown as Decode, data);
}

export async function decodeWebp(data: Uint8Array): Promise<Bitmap> {
  await start(initWebp as unknown as Init, webpWasm);
  return decoded(decodeWebpFile as unknown as Decode, data);
}

/** As they are, which their types say otherwise. */
type Init = (module: object, how: { printErr(text: string): void }) => unknown;
type Decode = (data: Uint8Array) => Promise<{
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}>;

const started = new Set<Init>();

async function start(init: Init, wasm: Uint8Array<ArrayBuffer>): Promise<void> {
  if (started.has(init)) return;
  // They would tell stderr what is wrong with a picture.
  await init(await WebAssembly.compile(wasm), { printErr: () => {} });
  started.add(init);
}

async function decoded(decode: Decode, file: Uint8Array): Promise<Bitmap> {
  try {
    const { width, height, data } = await decode(file);
    return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  } catch (cause) {
    throw new UndecodableError('is damaged', { cause });
  }
}
