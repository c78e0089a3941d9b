import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const TEXT = 0x81;
const CLOSE = 0x88;
const NO_CODE = 1_005;

export interface EchoServer {
  readonly port: number;
  readonly sockets: Set<Socket>;
  /** Targets and headers of the handshakes. */
  readonly handshakes: { url: string; headers: NodeJS.Dict<string | string[]> }[];
  /** Close codes that clients sent. */
  readonly closeCodes: number[];
  stop(): Promise<void>;
}

/** A WebSocket server that sends every message back as text. */
export async function startEcho(): Promise<EchoServer> {
  const sockets = new Set<Socket>();
  const handshakes: EchoServer['handshakes'] = [];
  const closeCodes: number[] = [];
  const server = createServer((_request, response) => response.end('plain'));
  server.on('upgrade', (request, socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => {});
    socket.once('end', () => socket.end());
    handshakes.push({ url: request.url ?? '', headers: request.headers });
    const answer = accept(request.headers['sec-websocket-key']);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`,
    );
    echo(socket, closeCodes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    handshakes,
    closeCodes,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function echo(socket: Socket, closeCodes: number[]): void {
  let bytes = Buffer.alloc(0);
  socket.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    for (let frame = parse(bytes); frame; frame = parse(bytes)) {
      bytes = bytes.subarray(frame.size);
      if (frame.first === CLOSE) {
        closeCodes.push(frame.payload.length < 2 ? NO_CODE : frame.payload.readUInt16BE(0));
        socket.end(build(CLOSE, frame.payload));
      } else socket.write(build(TEXT, frame.payload));
    }
  });
}

function parse(bytes: Buffer) {
  if (bytes.length < 2) return null;
  const short = (bytes[1] ?? 0) & 0x7f;
  const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
  const head = 2 + extended + 4;
  if (bytes.length < head) return null;
  const length =
    extended === 0
      ? short
      : extended === 2
        ? bytes.readUInt16BE(2)
        : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < head + length) return null;
  const mask = bytes.subarray(head - 4, head);
  const payload = Buffer.from(bytes.subarray(head, head + length));
  for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return { first: bytes[0] ?? 0, payload, size: head + length };
}

/** One unmasked frame, as a server sends it. */
export function build(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** What a server answers to this key, or to that of `handshake`. */
export function accept(key: string | undefined = KEY): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** The bytes of a handshake, for tests that speak bytes. */
export function handshake(target = '/', lines = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${lines}\r\n`;
}
