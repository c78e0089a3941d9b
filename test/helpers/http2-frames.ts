import { connect, type TLSSocket } from 'node:tls';

/*
 * A client of HTTP/2 that speaks frames, RFC 9113 §4, and checks nothing of what it sends. Header
 * lines go as literals that are neither indexed nor compressed: RFC 7541 §6.2.2.
 */

export type Field = readonly [name: string, value: string];

export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;

export function frame(kind: number, flags: number, stream: number, payload: Buffer | string = '') {
  const bytes = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** A number of 32 bits, as many frames have it. */
export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function block(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]),
  );
}

function text(of: string): Buffer[] {
  const bytes = Buffer.from(of, 'latin1');
  return [Buffer.from(whole(bytes.length)), bytes];
}

// RFC 7541 §5.1, with a prefix of 7 bits.
function whole(value: number): number[] {
  if (value < 127) return [value];
  const bytes = [127];
  for (let rest = value - 127; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const MOST = 16_384;

/** A head of stream 1, in as many frames as it takes. */
export function headers(fields: readonly Field[], flags = END_HEADERS | END_STREAM): Buffer {
  return headersOf(1, fields, flags);
}

export function headersOf(
  stream: number,
  fields: readonly Field[],
  flags = END_HEADERS | END_STREAM,
): Buffer {
  const bytes = block(fields);
  if (bytes.length <= MOST) return frame(type.headers, flags, stream, bytes);
  const frames = [frame(type.headers, flags & ~END_HEADERS, stream, bytes.subarray(0, MOST))];
  for (let at = MOST; at < bytes.length; at += MOST) {
    const isLast = at + MOST >= bytes.length;
    const piece = bytes.subarray(at, at + MOST);
    frames.push(frame(type.continuation, isLast ? flags & END_HEADERS : 0, stream, piece));
  }
  return Buffer.concat(frames);
}

/** What a connection begins with: RFC 9113 §3.4. */
export const MAGIC = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const PREFACE = Buffer.concat([MAGIC, frame(type.settings, 0, 0)]);

/** What became of stream 1, or of the connection. */
export interface Outcome {
  /** The status of its answer; 0 without one. */
  status: number;
  body: string;
  /** It was ended, by whom it began. */
  ended: boolean;
  /** The code of RST_STREAM, or of GOAWAY, in words; empty for none. */
  reset: string;
  goaway: string;
}

/** By their numbers: RFC 9113 §7. */
const codes = [
  ...['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT'],
  ...['STREAM_CLOSED', 'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR'],
  ...['CONNECT_ERROR', 'ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED'],
];

export interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The code of a RST_STREAM or a GOAWAY, in words. */
export function codeIn({ kind, payload }: Frame): string {
  return codes[payload.readUInt32BE(kind === type.goaway ? 4 : 0)] ?? '?';
}

/** A connection on which nothing is sent by itself, not even an acknowledgement. */
export interface RawClient {
  readonly socket: TLSSocket;
  /** All that came, in order. */
  readonly frames: Frame[];
  readonly closed: boolean;
}

/** Opens one, and sends the preface on it, or what is to stand in its place. */
export function dial(port: number, first: Buffer = PREFACE): Promise<RawClient> {
  const frames: Frame[] = [];
  const socket = connect({
    ...{ port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'] },
    rejectUnauthorized: false,
  });
  const client = { socket, frames, closed: false };
  let rest = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      frames.push(frameIn(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  });
  socket.once('close', () => {
    client.closed = true;
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject).on('error', () => {});
    socket.once('secureConnect', () => {
      socket.write(first);
      resolve(client);
    });
  });
}

function frameIn(bytes: Buffer): Frame {
  const [kind, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)];
  return { kind, flags, stream: bytes.readUInt32BE(5) & 0x7fffffff, payload: bytes.subarray(9) };
}

/** Sends bytes behind the preface, and tells what came of them once nothing more is to come. */
export async function speak(
  port: number,
  bytes: Buffer,
  onSocket?: (socket: TLSSocket) => void,
): Promise<Outcome> {
  const client = await dial(port, Buffer.concat([PREFACE, bytes]));
  const { socket, frames } = client;
  onSocket?.(socket);
  socket.on('data', () => {
    const { ended, reset, goaway } = outcomeOf(frames);
    if (ended || reset !== '' || goaway !== '') socket.destroy();
  });
  if (!client.closed) await new Promise((resolve) => socket.once('close', resolve));
  return outcomeOf(frames);
}

export function outcomeOf(frames: readonly Frame[]): Outcome {
  const outcome: Outcome = { status: 0, body: '', ended: false, reset: '', goaway: '' };
  for (const each of frames) take(outcome, each);
  return outcome;
}

function take(outcome: Outcome, each: Frame): void {
  const { kind, flags, stream, payload } = each;
  if (kind === type.goaway) outcome.goaway = codeIn(each);
  if (stream !== 1) return;
  if (kind === type.reset) outcome.reset = codeIn(each);
  if (kind === type.headers) outcome.status ||= statusIn(payload);
  if (kind === type.data) outcome.body += payload.toString('latin1');
  if (kind === type.headers || kind === type.data) outcome.ended ||= (flags & END_STREAM) !== 0;
}

function behindSizes(block: Buffer): Buffer {
  if (((block[0] ?? 0) & 0xe0) !== 0x20) return block;
  let end = 1;
  if (((block[0] ?? 0) & 0x1f) === 0x1f) {
    while ((block[end] ?? 0) & 0x80) end += 1;
    end += 1;
  }
  return behindSizes(block.subarray(end));
}

const INDEXED: readonly number[] = [200, 204, 206, 304, 400, 404, 500];
const DIGITS = ['00000', '00001', '00010', '011001', '011010', '011011', '011100', '011101'];

/**
 * `:status` comes first, but for sizes of the table (RFC 7541 §6.3): of the static table, or a literal with
 * Huffman's code for its digits.
 */
function statusIn(block: Buffer): number {
  const payload = behindSizes(block);
  const first = payload[0] ?? 0;
  if (first & 0x80) return INDEXED[(first & 0x7f) - 8] ?? 0;
  const size = (payload[1] ?? 0) & 0x7f;
  const bytes = payload.subarray(2, 2 + size);
  if (((payload[1] ?? 0) & 0x80) === 0) return Number(bytes.toString('latin1'));
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let status = '';
  while (status.length < 3) {
    const digit = [...DIGITS, '011110', '011111'].findIndex((code) => bits.startsWith(code));
    if (digit === -1) return 0;
    status += digit;
    bits = bits.slice([...DIGITS, '011110', '011111'][digit]?.length);
  }
  return Number(status);
}
