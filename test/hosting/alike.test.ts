import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { createRelay } from '../../src/hosting/relay.ts';
import { createAppServer } from '../../src/server/http-server.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { until } from '../helpers/until.ts';

/** What the app at hand does with a request. */
let act: RequestListener = () => {};
const app: RequestListener = (incoming, response) => act(incoming, response);
const closing: (() => void)[] = [];

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function serve(handle: RequestListener): Promise<number> {
  const identity = { id: 'abc234', port: () => 0, state: () => 'up' as const };
  const { server, connections } = createAppServer(
    { request: handle, upgrade: null },
    identity,
    '/healthz',
    defaults,
  );
  closing.push(() => void [server.close(), connections.cut()]);
  return listen(server);
}

async function asProgram(): Promise<number> {
  const program = createServer({ maxHeaderSize: 256 * 1_024 }, app);
  const inner = await listen(program);
  const relay = createRelay(() => ({ host: '127.0.0.1', port: inner }), defaults);
  closing.push(() => void [relay.close(), program.close(), program.closeAllConnections()]);
  return serve(relay.request);
}

const ports: Record<string, number> = {};
beforeAll(async () => {
  ports['a module'] = await serve(app);
  ports['a program'] = await asProgram();
});
afterAll(() => {
  for (const close of closing) close();
});

/** All of an app's request, trailers too. */
function whole(incoming: IncomingMessage): Promise<[string, NodeJS.Dict<string>]> {
  return new Promise((resolve) => {
    let text = '';
    incoming.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
    incoming.on('end', () => resolve([text, incoming.trailers]));
  });
}

const own = ({ rawHeaders }: IncomingMessage) =>
  rawHeaders.filter((_, at) => rawHeaders[at - (at % 2)]?.startsWith('x-'));

const echo = (incoming: IncomingMessage, response: ServerResponse) =>
  void whole(incoming).then(([body, trailers]) => {
    const { method, url, httpVersion } = incoming;
    response.end(
      JSON.stringify({ method, url, httpVersion, lines: own(incoming), body, trailers }),
    );
  });

const nothing = { httpVersion: '1.1', lines: [], body: '', trailers: {} };

type Asked = RequestOptions & { body?: string };
const requests: [string, Asked & { path?: string }, object][] = [
  ['a GET', { path: '/a/..%2f?x=%E0%A4' }, { method: 'GET', url: '/a/..%2f?x=%E0%A4' }],
  [
    'a GET with a body',
    { method: 'GET', body: 'x', headers: { 'content-length': 1 } },
    { body: 'x' },
  ],
  [
    'a DELETE in chunks',
    { method: 'DELETE', body: 'x', headers: { 'transfer-encoding': 'chunked' } },
    { method: 'DELETE', body: 'x' },
  ],
  ['a POST without a body', { method: 'POST' }, { method: 'POST' }],
  ['a method of its own', { method: 'PURGE' }, { method: 'PURGE' }],
  ['one line twice', { headers: { 'x-a': ['1', '2'] } }, { lines: ['x-a', '1', 'x-a', '2'] }],
  ['Latin-1', { headers: { 'x-a': 'caf\xe9' } }, { lines: ['x-a', 'caf\xe9'] }],
  [
    '100 KiB of head',
    { headers: { 'x-a': 'y'.repeat(102_400) } },
    { lines: ['x-a', 'y'.repeat(102_400)] },
  ],
  [
    'Expect: 100-continue',
    { method: 'PUT', body: 'x', headers: { expect: '100-continue' } },
    { method: 'PUT', body: 'x' },
  ],
];

const answers: [string, RequestListener, object][] = [
  [
    'an answer of its own',
    (_, r) => r.writeHead(418, 'Tea', ['X-A', '1', 'X-A', '2']).end('t'),
    { status: 418, body: 't' },
  ],
  ['an answer with a length', (_, r) => r.setHeader('content-length', 1).end('t'), { body: 't' }],
  ['204', (_, r) => r.writeHead(204).end(), { status: 204, body: '' }],
  [
    '304 with a length',
    (_, r) => r.writeHead(304, { 'content-length': 7 }).end(),
    { status: 304, body: '' },
  ],
  ['100 KiB of head', (_, r) => r.setHeader('x-a', 'y'.repeat(102_400)).end('t'), { body: 't' }],
  [
    'trailers',
    (_, r) => {
      if (r.req.method !== 'HEAD') r.setHeader('trailer', 'x-sum').write('t');
      r.addTrailers({ 'x-sum': '7' });
      r.end();
    },
    { body: 't', trailers: { 'x-sum': '7' } },
  ],
  [
    'a refusal before it has read',
    (_, r) => r.writeHead(413).end('no'),
    { status: 413, body: 'no' },
  ],
  [
    'a refusal, and a close',
    (_, r) => r.writeHead(413, { connection: 'close' }).end('no'),
    { status: 413, body: 'no' },
  ],
];

describe.each(['a module', 'a program'])('behind a server, %s', (kind) => {
  const port = () => ports[kind] ?? 0;

  test.each(requests)('gets %s', async (_, { path = '/', ...options }, expected) => {
    act = echo;
    const { body } = await ask(port(), path, options);
    expect(JSON.parse(Buffer.from(body, 'latin1').toString())).toMatchObject({
      ...nothing,
      ...expected,
    });
  });

  test('gets a Trailer line that promises none', async () => {
    act = echo;
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTrailer: x-sum\r\nContent-Length: 1\r\n';
    const text = await exchange(port(), `${head}Connection: close\r\n\r\nx`);
    expect(text).toContain('"body":"x","trailers":{}');
  });

  test('gets the trailers of a request', async () => {
    act = echo;
    const answered = new Promise<string>((resolve, reject) => {
      const sending = request({ port: port(), method: 'POST', agent: false }, (answer) => {
        whole(answer).then(([text]) => resolve(text), reject);
      });
      sending.setHeader('trailer', 'x-sum').write('meow');
      sending.addTrailers({ 'x-sum': '7' });
      sending.end();
    });
    expect(JSON.parse(await answered)).toMatchObject({ body: 'meow', trailers: { 'x-sum': '7' } });
  });

  test.each(answers)('gives %s', async (_, answer, expected) => {
    act = answer;
    for (const method of ['GET', 'POST']) {
      const body = method === 'POST' ? { body: 'x'.repeat(300_000) } : {};
      expect(await ask(port(), '/', { method, ...body, maxHeaderSize: 200_000 })).toMatchObject({
        ...expected,
      });
    }
    const { status } = await ask(port(), '/', { method: 'HEAD', maxHeaderSize: 200_000 });
    expect(status).toBe((expected as { status?: number }).status ?? 200);
  });

  test('gives an answer that breaks off, visibly', async () => {
    act = (_, response) => {
      response.writeHead(200, { 'content-length': 9 }).write('half');
      setImmediate(() => response.destroy());
    };
    await expect(ask(port())).rejects.toThrow();
  });

  test('hears of a client that leaves', async () => {
    let left = false;
    act = (_, response) => {
      response.once('close', () => {
        left = true;
      });
      client.destroy();
    };
    const client = connect(port(), '127.0.0.1', () =>
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    await until('it hears of it', () => left);
  });
});
