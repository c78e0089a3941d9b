// The same app as a program of its own. It leaves in order: it takes nothing new, and finishes.
import { createServer } from 'node:http';
import app from './noting-app.mjs';

// Longer than the proxies keep idle connections to it, as their documentation asks for.
const KEEP_ALIVE_MS = 75_000;

const open = new Set();
const server = createServer((request, response) => {
  open.add(response);
  response.once('close', () => open.delete(response));
  app(request, response);
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'));
process.once('SIGINT', leave).once('SIGTERM', leave);

function leave() {
  for (const response of open) response.shouldKeepAlive = false;
  server.close(() => process.exit(0));
}
