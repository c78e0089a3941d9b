const BOX_HEAD = 8;
const LARGE_HEAD = 16;
const VERSION_AND_FLAGS = 4;
/** Boxes of a picture that end behind the end of the file show that it was cut. */
const OF_A_PICTURE = new Set(['ftyp', 'meta', 'mdat', 'moov', 'moof', 'uuid', 'free', 'skip']);

interface Box {
  readonly type: string;
  readonly content: number;
  readonly end: number;
}

/** Whether brands name AVIF, as the main one or among those it is compatible with. */
export function isAvif(data: Buffer): boolean {
  const box = boxAt(data, 0, data.length);
  if (box?.type !== 'ftyp' || box.end > data.length) return false;
  for (let at = box.content; at + 4 <= box.end; at += 4) {
    if (data.toString('latin1', at, at + 4) === 'avif') return true;
  }
  return false;
}

/**
 * Whether all boxes of the picture are there, and all bytes that its index names, whatever stands
 * behind them. ISO/IEC 14496-12 §4.2.
 * @throws RangeError when the index is cut short
 */
export function avifIsWhole(data: Buffer): boolean {
  let meta: Box | null = null;
  let box = boxAt(data, 0, data.length);
  while (box && OF_A_PICTURE.has(box.type)) {
    if (box.end > data.length) return false;
    if (box.type === 'meta') meta ??= box;
    box = boxAt(data, box.end, data.length);
  }
  return meta !== null && indexedEnd(data, meta) <= data.length;
}

/** The box that begins at `at`; null where nothing can be one. */
function boxAt(data: Buffer, at: number, until: number): Box | null {
  if (at + BOX_HEAD > until) return null;
  const type = data.toString('latin1', at + 4, at + BOX_HEAD);
  const size = data.readUInt32BE(at);
  if (size === 0) return { type, content: at + BOX_HEAD, end: until };
  if (size > 1) return size < BOX_HEAD ? null : { type, content: at + BOX_HEAD, end: at + size };
  if (at + LARGE_HEAD > until) return null;
  const end = at + Number(data.readBigUInt64BE(at + BOX_HEAD));
  return end < at + LARGE_HEAD ? null : { type, content: at + LARGE_HEAD, end };
}

/** Where the last byte ends that the picture's items need: `iloc` in `meta`, ISO/IEC 14496-12 §8.11.3. */
function indexedEnd(data: Buffer, meta: Box): number {
  let box = boxAt(data, meta.content + VERSION_AND_FLAGS, meta.end);
  while (box && box.type !== 'iloc') box = boxAt(data, box.end, meta.end);
  return box
    ? locationsEnd(new Numbers(data.subarray(box.content, Math.min(box.end, meta.end))))
    : 0;
}

interface Widths {
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

function locationsEnd(iloc: Numbers): number {
  const version = iloc.next(VERSION_AND_FLAGS) >>> 24;
  const widths = iloc.next(2);
  const width = (shift: number) => (widths >> shift) & 15;
  const of = { index: version === 0 ? 0 : width(0), offset: width(12), length: width(8) };
  const idBytes = version < 2 ? 2 : 4;
  let last = 0;
  for (let items = iloc.next(idBytes); items > 0; items--) {
    iloc.next(idBytes);
    const isInFile = version === 0 || (iloc.next(2) & 15) === 0;
    iloc.next(2); // the index of a file: always this one
    const end = extentsEnd(iloc, iloc.next(width(4)), of);
    if (isInFile) last = Math.max(last, end);
  }
  return last;
}

function extentsEnd(iloc: Numbers, base: number, of: Widths): number {
  let last = 0;
  for (let extents = iloc.next(2); extents > 0; extents--) {
    iloc.next(of.index);
    const from = base + iloc.next(of.offset);
    last = Math.max(last, from + iloc.next(of.length));
    // Extents without a byte of their own are all the same: 65,535 of each item would take minutes.
    if (of.index + of.offset + of.length === 0) return last;
  }
  return last;
}

/** Big-endian numbers, one behind the other. */
class Numbers {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws RangeError where there are not so many bytes, or no number has so many */
  next(width: number): number {
    const at = this.#at;
    this.#at += width;
    if (width === 0) return 0;
    return width === 8
      ? Number(this.#bytes.readBigUInt64BE(at))
      : this.#bytes.readUIntBE(at, width);
  }
}
