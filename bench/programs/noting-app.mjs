// What the loss part serves everywhere: it notes each request's id in a file before it does anything.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const WORK_MS = 50;
const notes = openSync(join(process.env.NOTES ?? '.', String(process.pid)), 'a');

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
export default function answer(request, response) {
  if (request.url === '/healthz') return send(response, 'well');
  const id = request.headers['x-bench-id'];
  if (id !== undefined) writeSync(notes, `${id}\n`);
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
  });
  request.on('end', () => setTimeout(() => send(response, `${request.method} ${bytes}`), WORK_MS));
}

function send(response, text) {
  const head = { 'content-type': 'text/plain', 'content-length': text.length };
  response.writeHead(200, { ...head, 'x-backend': process.pid }).end(text);
}
