// One process, one port per server id on the command line. Answers what the door's bench asks.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { portOf } from './port-of.mjs';

const bodies = new Map([
  ['/1k', Buffer.alloc(1_024, 'm')],
  ['/100k', Buffer.alloc(100 * 1_024, 'm')],
]);
const KEEP_ALIVE_MS = 75_000;

const ports = {};
for (const id of process.argv.slice(2)) {
  const server = createServer((request, response) => answer(id, request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports[id] = portOf(server);
}
console.log(JSON.stringify(ports));

function answer(id, request, response) {
  const body = bodies.get(request.url);
  if (request.method === 'POST') return countBody(id, request, response);
  if (body !== undefined) return send(response, id, 'text/plain', body);
  if (request.url === '/healthz') {
    return send(response, id, 'application/json', Buffer.from(JSON.stringify({ id, state: 'up' })));
  }
  response.writeHead(404, { 'content-length': 0 }).end();
}

function countBody(id, request, response) {
  let bytes = 0;
  request.on('data', (chunk) => {
    bytes += chunk.length;
  });
  request.on('end', () => send(response, id, 'text/plain', Buffer.from(String(bytes))));
}

function send(response, id, type, body) {
  const head = { 'content-type': type, 'content-length': body.length, 'x-backend': id };
  response.writeHead(200, head).end(body);
}
