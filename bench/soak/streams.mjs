// The app of the second fleet: echoes over WebSocket, and an answer of 8 MiB.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §1.3
const PIECE = Buffer.alloc(64 * 1_024, 'x');
const PIECES = 128;
const CLOSE = 0x8;

const server = createServer((request, response) => {
  if (request.url?.startsWith('/big')) sendBig(response);
  else response.end('hello\n');
});

server.on('upgrade', (request, socket) => {
  const key = createHash('sha1').update(request.headers['sec-websocket-key'] + GUID);
  socket.on('error', () => {});
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key.digest('base64')}\r\n\r\n`,
  );
  echo(socket);
});

export default server;

function sendBig(response) {
  response.setHeader('Content-Length', PIECE.length * PIECES);
  let left = PIECES;
  const more = () => {
    while (left-- > 0) if (!response.write(PIECE)) return response.once('drain', more);
    response.end();
  };
  more();
}

// Messages of under 126 bytes, as the soak sends them; close is answered with its own code.
function echo(socket) {
  let bytes = Buffer.alloc(0);
  socket.on('data', (piece) => {
    bytes = Buffer.concat([bytes, piece]);
    while (bytes.length >= 6 && bytes.length >= 6 + (bytes[1] & 0x7f)) {
      const length = bytes[1] & 0x7f;
      const mask = bytes.subarray(2, 6);
      const payload = bytes.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]);
      socket.write(Buffer.concat([Buffer.from([bytes[0], length]), payload]));
      if ((bytes[0] & 0xf) === CLOSE) return socket.end();
      bytes = bytes.subarray(6 + length);
    }
  });
}
