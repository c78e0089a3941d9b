// Sends <total> requests to <port> and hangs up on each: before, while or after the answer starts.
import { connect } from 'node:net';

const [port, total] = process.argv.slice(2).map(Number);
const AT_ONCE = 64;
const KINDS = 3;

let sent = 0;
await Promise.all(Array.from({ length: AT_ONCE }, keepAborting));
console.log(JSON.stringify({ aborted: sent }));

async function keepAborting() {
  while (sent < total) await abortOne(sent++ % KINDS);
}

function abortOne(kind) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /100k HTTP/1.1\r\nHost: door\r\n\r\n', () => {
        if (kind === 0) socket.resetAndDestroy();
        if (kind === 1) setImmediate(() => socket.destroy());
      });
    });
    socket.once('data', () => socket.destroy());
    socket.on('error', () => {}); // hung up on: what we came for
    socket.once('close', resolve);
  });
}
