// httpxy; it keeps connections alive by itself.
import { createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { listenAndTell, nextTarget } from './next-target.mjs';

const proxy = createProxyServer({ xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
listenAndTell(
  createServer((request, response) => {
    proxy.web(request, response, { target: nextTarget() }).catch(() => response.destroy());
  }),
);
