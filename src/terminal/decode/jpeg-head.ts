/* What stands in front of a JPEG's pixels. Nothing of it is believed: what makes no sense is not there. */

/** As the camera was held: Exif 2.32 §4.6.4, tag 274. 1 is upright, 5 to 8 lie on their side. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const EXIF = 0x45786966;
const ORIENTATION_TAG = 274;
const SHORT = 3;
/** In a frame: depth, height, width and then how many colours. */
const COLORS_AT = 5;
const PRINTERS_COLORS = 4;

/** @returns 1 for one that says nothing of it */
export function orientationOf(jpeg: Uint8Array): Orientation {
  for (const { code, body } of segments(jpeg)) {
    const isExif = code === APP1 && body.byteLength >= 20 && body.getUint32(0) === EXIF;
    if (isExif) return inTiff(new DataView(body.buffer, body.byteOffset + 6, body.byteLength - 6));
  }
  return 1;
}

/** Cyan, magenta, yellow and black: for paper. */
export function isForPrinters(jpeg: Uint8Array): boolean {
  for (const { code, body } of segments(jpeg)) {
    const isFrame = (code & 0xf0) === 0xc0 && ![0xc4, 0xc8, 0xcc].includes(code);
    if (isFrame && body.byteLength > COLORS_AT) return body.getUint8(COLORS_AT) === PRINTERS_COLORS;
  }
  return false;
}

interface Segment {
  readonly code: number;
  readonly body: DataView;
}

function* segments(jpeg: Uint8Array): Generator<Segment> {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  for (let at = 2; at + 4 <= view.byteLength && view.getUint8(at) === 0xff; ) {
    const code = view.getUint8(at + 1);
    if (code === START_OF_SCAN) return;
    const end = at + 2 + view.getUint16(at + 2);
    if (code === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    if (end < at + 4 || end > view.byteLength) return;
    yield { code, body: new DataView(jpeg.buffer, jpeg.byteOffset + at + 4, end - at - 4) };
    at = end;
  }
}

// Byte order, 42, where its first list of tags begins; each tag takes 12 bytes.
function inTiff(tiff: DataView): Orientation {
  const isLittle = tiff.getUint16(0) === 0x4949;
  const list = tiff.getUint32(4, isLittle);
  if (list + 2 > tiff.byteLength) return 1;
  const tags = tiff.getUint16(list, isLittle);
  for (let n = 0, at = list + 2; n < tags && at + 12 <= tiff.byteLength; n++, at += 12) {
    if (tiff.getUint16(at, isLittle) !== ORIENTATION_TAG) continue;
    const value = tiff.getUint16(at + 8, isLittle);
    const isValid = tiff.getUint16(at + 2, isLittle) === SHORT && value >= 1 && value <= 8;
    return isValid ? (value as Orientation) : 1;
  }
  return 1;
}
