import { connect } from 'node:net';

const MIB = 1_024 * 1_024;
const UPLOAD_BYTES = 27 * MIB;
const PIECE = Buffer.alloc(256 * 1_024, 0x55);
const FORM =
  '--x\r\nContent-Disposition: form-data; name="image"; filename="cat.png"\r\nContent-Type: image/png\r\n\r\n';

/**
 * Uploads of three pictures, of which each client sends the half and then falls silent.
 * @returns their sockets, and how each was answered so far: a status, or `open` for none
 */
export function halfUploads(port, count, bytes = UPLOAD_BYTES / 2) {
  const uploads = Array.from({ length: count }, () => halfUpload(port, bytes));
  return {
    answers: () => uploads.map(({ seen }) => seen.answer),
    sent: () => uploads.reduce((bytes, { seen }) => bytes + seen.sent, 0),
    allSilent: () => uploads.every(({ seen }) => seen.silent || seen.answer !== 'open'),
    end() {
      for (const { socket } of uploads) socket.destroy();
    },
  };
}

function halfUpload(port, bytes) {
  const seen = { answer: 'open', sent: 0, silent: false };
  const socket = connect(port, '127.0.0.1');
  const type = 'Content-Type: multipart/form-data; boundary=x';
  socket.write(
    `POST /upload HTTP/1.1\r\nHost: a\r\n${type}\r\nContent-Length: ${UPLOAD_BYTES}\r\n\r\n${FORM}`,
  );
  const more = () => {
    while (seen.sent < bytes && seen.answer === 'open') {
      // A picture may have 10 MiB: the next one begins.
      const next = seen.sent > 0 && seen.sent % (9 * MIB) === 0 ? `\r\n${FORM}` : '';
      seen.sent += PIECE.length;
      if (!socket.write(next ? Buffer.concat([Buffer.from(next), PIECE]) : PIECE)) return;
    }
    seen.silent = true;
  };
  socket.on('connect', more).on('drain', more);
  socket.on('data', (text) => {
    if (seen.answer === 'open') seen.answer = text.toString('latin1').slice(9, 12);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (seen.answer === 'open') seen.answer = 'closed';
  });
  return { socket, seen };
}
