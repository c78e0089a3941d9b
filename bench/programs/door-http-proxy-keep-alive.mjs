// The real http-proxy 1.18.1 with a keep-alive agent.
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { listenAndTell, nextTarget } from './next-target.mjs';

const agent = new Agent({ keepAlive: true, maxFreeSockets: 1_024 });
const proxy = httpProxy.createProxyServer({ xfwd: true, agent });
proxy.on('error', (_error, _request, response) => response.destroy());
listenAndTell(
  createServer((request, response) => proxy.web(request, response, { target: nextTarget() })),
);
