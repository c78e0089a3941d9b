// The real http-proxy 1.18.1, as it comes.
import { createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { listenAndTell, nextTarget } from './next-target.mjs';

const proxy = httpProxy.createProxyServer({ xfwd: true });
proxy.on('error', (_error, _request, response) => response.destroy());
listenAndTell(
  createServer((request, response) => proxy.web(request, response, { target: nextTarget() })),
);
