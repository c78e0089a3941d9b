import { type Bitmap, checkSize, UndecodableError } from './bitmap.ts';
import type { Film, Patch } from './film.ts';

/** Decodes a WebP of one frame. */
export type DecodeStill = (webp: Uint8Array) => Promise<Bitmap>;

const ANIMATION = 0x02;
const OPACITY = 0x10;

/**
 * WebP, its container by hand: the decoder takes one frame at a time, so a film needs the memory of
 * one, however long it is. https://developers.google.com/speed/webp/docs/riff_container
 */
export async function readWebp(
  data: Uint8Array,
  still: DecodeStill,
  maxPixels: number,
): Promise<Film> {
  const all = chunks(data, 12, data.length);
  const head = all.find(({ type }) => type === 'VP8X')?.body;
  if (!head || head.length < 10 || !((head[0] ?? 0) & ANIMATION)) {
    const bitmap = await still(data);
    const patch: Patch = { left: 0, top: 0, bitmap, delayMs: 0, disposal: 'keep', covers: 'all' };
    return { width: bitmap.width, height: bitmap.height, patches: [patch] };
  }
  const frames = all.filter(({ type }) => type === 'ANMF');
  return {
    width: uint24(head, 4) + 1,
    height: uint24(head, 7) + 1,
    patches: patches(frames, still, maxPixels),
  };
}

interface Chunk {
  readonly type: string;
  readonly body: Uint8Array;
}

function chunks(data: Uint8Array, from: number, end: number): Chunk[] {
  const found: Chunk[] = [];
  for (let at = from; at + 8 <= end; ) {
    const size = uint24(data, at + 4) + (data[at + 7] as number) * 2 ** 24;
    if (at + 8 + size > end) break;
    const type = String.fromCharCode(...data.subarray(at, at + 4));
    found.push({ type, body: data.subarray(at + 8, at + 8 + size) });
    at += 8 + size + (size % 2);
  }
  return found;
}

async function* patches(
  frames: readonly Chunk[],
  still: DecodeStill,
  maxPixels: number,
): AsyncGenerator<Patch> {
  for (const { body } of frames) {
    if (body.length < 16) throw new UndecodableError('is damaged');
    const flags = body[15] as number;
    const size = { width: uint24(body, 6) + 1, height: uint24(body, 9) + 1 };
    checkSize(size.width, size.height, maxPixels);
    yield {
      left: uint24(body, 0) * 2,
      top: uint24(body, 3) * 2,
      bitmap: await still(asFile(size, chunks(body, 16, body.length))),
      delayMs: uint24(body, 12),
      disposal: flags & 1 ? 'clear' : 'keep',
      covers: flags & 2 ? 'all' : 'where it is opaque',
    };
  }
}

/** A file of its own. Its head says the size, so that the decoder refuses a frame that has another. */
function asFile({ width, height }: { width: number; height: number }, parts: readonly Chunk[]) {
  const pixels = parts.filter(({ type }) => ['ALPH', 'VP8 ', 'VP8L'].includes(type));
  const head = Buffer.alloc(10);
  head[0] = pixels.some(({ type }) => type !== 'VP8 ') ? OPACITY : 0;
  head.writeUIntLE(width - 1, 4, 3);
  head.writeUIntLE(height - 1, 7, 3);
  const body = Buffer.concat([{ type: 'VP8X', body: head }, ...pixels].map(asBytes));
  return asBytes({ type: 'RIFF', body: Buffer.concat([Buffer.from('WEBP'), body]) });
}

function asBytes({ type, body }: Chunk): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from(type), length, body, Buffer.alloc(body.length % 2)]);
}

function uint24(data: Uint8Array, at: number): number {
  return (data[at] ?? 0) + (data[at + 1] ?? 0) * 256 + (data[at + 2] ?? 0) * 65_536;
}
