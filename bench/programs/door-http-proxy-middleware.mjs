// http-proxy-middleware with a keep-alive agent.
import { Agent, createServer } from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { listenAndTell, nextTarget, targets } from './next-target.mjs';

const proxy = createProxyMiddleware({
  target: targets[0],
  router: nextTarget,
  xfwd: true,
  agent: new Agent({ keepAlive: true, maxFreeSockets: 1_024 }),
});
listenAndTell(
  createServer((request, response) => proxy(request, response, () => response.destroy())),
);
