// The floor for Node: nothing but an HTTP server in front of undici's dispatch.
import { createServer } from 'node:http';
import { Pool } from 'undici';
import { listenAndTell, nextTarget, targets } from './next-target.mjs';

const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'expect']);
const pools = new Map(
  targets.map((url) => [url, new Pool(url, { connections: 512, pipelining: 1 })]),
);

listenAndTell(
  createServer((request, response) => {
    const { method = 'GET', url: path = '/' } = request;
    const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers;
    const options = {
      method,
      path,
      headers: endToEnd(request.rawHeaders),
      body: hasBody ? request : null,
    };
    pools.get(nextTarget())?.dispatch(options, answerInto(response));
  }),
);

function endToEnd(raw) {
  const kept = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (!HOP.has(raw[i].toLowerCase())) kept.push(raw[i], raw[i + 1]);
  }
  return kept;
}

function answerInto(response) {
  return {
    onConnect() {},
    onHeaders(status, headers, resume) {
      response.on('drain', resume);
      response.writeHead(status, endToEnd(headers.map(String)));
      return true;
    },
    onData: (chunk) => response.write(chunk),
    onComplete: () => response.end(),
    onError: () => response.destroy(),
  };
}
