import { inflateSync } from 'node:zlib';
import { type Bitmap, checkSize, newBitmap, UndecodableError } from './bitmap.ts';
import { type PngForm, paintRows, rowBytes } from './png-rows.ts';

/*
 * PNG, ISO/IEC 15948, all of its colour types and depths. By hand: node:zlib inflates, which is most of
 * the work, and stops where the header's pixels end. What a file says it holds, it cannot exceed.
 */

/** Bytes behind the pixels that some writers leave. */
const SLACK = 1_024;

/** Adam7: where each of its passes begins, and how far apart its pixels are. */
const ADAM7 = [
  { left: 0, top: 0, stepX: 8, stepY: 8 },
  { left: 4, top: 0, stepX: 8, stepY: 8 },
  { left: 0, top: 4, stepX: 4, stepY: 8 },
  { left: 2, top: 0, stepX: 4, stepY: 4 },
  { left: 0, top: 2, stepX: 2, stepY: 4 },
  { left: 1, top: 0, stepX: 2, stepY: 2 },
  { left: 0, top: 1, stepX: 1, stepY: 2 },
];
const WHOLE = [{ left: 0, top: 0, stepX: 1, stepY: 1 }];

/** @throws UndecodableError */
export function decodePng(data: Uint8Array, maxPixels: number): Bitmap {
  const chunks = readChunks(data);
  const header = chunks.get('IHDR')?.[0];
  if (!header || header.length < 13) throw new UndecodableError('is damaged');
  const form = formOf(header, chunks);
  const [width, height] = [view(header).getUint32(0), view(header).getUint32(4)];
  checkSize(width, height, maxPixels);
  const passes = (header[12] === 1 ? ADAM7 : WHOLE)
    .map((pass) => ({
      ...pass,
      width: Math.ceil((width - pass.left) / pass.stepX),
      height: Math.ceil((height - pass.top) / pass.stepY),
    }))
    .filter(({ width, height }) => width > 0 && height > 0);
  const sizes = passes.map(({ width, height }) => height * (1 + rowBytes(form, width)));
  const rows = inflated(
    chunks.get('IDAT') ?? [],
    sizes.reduce((sum, size) => sum + size),
  );
  const bitmap = newBitmap(width, height, maxPixels);
  let at = 0;
  for (const [n, pass] of passes.entries()) {
    const end = at + (sizes[n] ?? 0);
    paintRows(rows.subarray(at, end), form, pass, bitmap);
    at = end;
  }
  return bitmap;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readChunks(data: Uint8Array): Map<string, Uint8Array[]> {
  const chunks = new Map<string, Uint8Array[]>();
  for (let at = 8; at + 12 <= data.length; ) {
    const end = at + 8 + view(data).getUint32(at);
    const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
    if (type === 'IEND' || end + 4 > data.length) break;
    const known = chunks.get(type);
    if (known) known.push(data.subarray(at + 8, end));
    else chunks.set(type, [data.subarray(at + 8, end)]);
    at = end + 4;
  }
  return chunks;
}

function formOf(header: Uint8Array, chunks: ReadonlyMap<string, Uint8Array[]>): PngForm {
  const [depth = 0, color = 0] = header.subarray(8, 10);
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[color];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth)) {
    throw new UndecodableError('is damaged');
  }
  return {
    depth,
    color,
    channels,
    palette: chunks.get('PLTE')?.[0],
    clear: chunks.get('tRNS')?.[0],
  };
}

function inflated(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const most = bytes + SLACK;
  const rows = inflateSync(Buffer.concat(parts), { maxOutputLength: most, chunkSize: most });
  if (rows.length < bytes) throw new UndecodableError('is damaged');
  return rows;
}
