/** How large a JPEG is, by its frames: ISO/IEC 10918-1 annex B. */
export interface Jpeg {
  readonly width: number;
  readonly height: number;
}

const SOI = 0xd8;
const EOI = 0xd9;
const DNL = 0xdc;
const TEM = 0x01;
const STUFFED = 0x00;

export function beginsAsJpeg(data: Buffer): boolean {
  return data[0] === 0xff && data[1] === SOI && data[2] === 0xff;
}

/**
 * Reads from its first marker to its end, whatever stands behind that.
 * @returns null for one that is cut short, or in which another begins
 */
export function readJpeg(data: Buffer): Jpeg | null {
  let lines = 0;
  let columns = 0;
  for (let at = codeAt(data, 2); at !== -1; ) {
    const code = data.readUInt8(at);
    if (code === EOI) return { width: columns, height: lines };
    if (code === SOI) return null;
    if (standsAlone(code)) {
      at = codeAt(data, at + 1);
      continue;
    }
    const end = segmentEnd(data, at + 1);
    if (end === -1) return null;
    if (isFrame(code) && end >= at + 8) {
      lines = Math.max(lines, data.readUInt16BE(at + 4));
      columns = Math.max(columns, data.readUInt16BE(at + 6));
    }
    // B.2.5: a frame of no lines is told them after its first scan.
    if (code === DNL && lines === 0 && end >= at + 5) lines = data.readUInt16BE(at + 3);
    at = codeAt(data, end);
  }
  return null;
}

/**
 * Where the next marker has its code. B.1.1.2: fill bytes may stand before it. What else stands
 * there is a scan, or stray bytes, which decoders step over too.
 */
function codeAt(data: Buffer, from: number): number {
  let at = data.indexOf(0xff, from);
  while (at !== -1) {
    while (data[at] === 0xff) at += 1;
    if (at >= data.length) return -1;
    if (data[at] !== STUFFED) return at;
    at = data.indexOf(0xff, at);
  }
  return -1;
}

// B.1.1.3: the restarts in a scan, and a marker for temporary use.
function standsAlone(code: number): boolean {
  return code === TEM || (code >= 0xd0 && code <= 0xd7);
}

/** Where a segment ends that says its length at `at`; -1 for none, or behind the end. */
function segmentEnd(data: Buffer, at: number): number {
  if (at + 2 > data.length) return -1;
  const length = data.readUInt16BE(at);
  return length < 2 || at + length > data.length ? -1 : at + length;
}

// SOF0 to SOF15; in between are tables (DHT, DAC) and one that is reserved (JPG).
function isFrame(code: number): boolean {
  return code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;
}
