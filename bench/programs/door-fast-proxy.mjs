// fast-proxy with its undici client, one per backend.
import { createServer } from 'node:http';
import fastProxy from 'fast-proxy';
import { listenAndTell, nextTarget, targets } from './next-target.mjs';

const undici = { connections: 512, pipelining: 1 };
const proxies = new Map(targets.map((base) => [base, fastProxy({ base, undici }).proxy]));
listenAndTell(
  createServer((request, response) => {
    const base = nextTarget();
    proxies.get(base)(request, response, base + request.url, { base });
  }),
);
