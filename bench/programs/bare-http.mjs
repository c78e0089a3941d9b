// The floor for Node: nothing but an HTTP server.
import { createServer } from 'node:http';
import { listenAndTell } from './next-target.mjs';

listenAndTell(createServer((_, response) => response.end('ok')));
