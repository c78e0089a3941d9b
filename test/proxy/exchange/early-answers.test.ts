import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { createRelay } from '../../../src/hosting/relay.ts';
import { createAppServer } from '../../../src/server/http-server.ts';
import { ask, exchange } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

const TIMES = process.env.MEOW_CHAOS === 'all' ? 200 : 4;
const BODY = 'x'.repeat(3 * 1_024 * 1_024);
const TEXT = `refused: ${'why '.repeat(2_000)}`;
const HEAD = `HTTP/1.1 413 Too Large\r\nContent-Length: ${TEXT.length}\r\n\r\n`;

const HEALTHY = 'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"id":"aaaaaa","state":"up"}';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** A server that answers as soon as it has the head of a POST, and reads no more than that. */
async function refusing(refuse: (socket: Socket) => void) {
  let posts = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (piece) => {
      // The door asks after one that reset a connection.
      if (!piece.toString('latin1').startsWith('POST')) return void socket.end(HEALTHY);
      posts += 1;
      socket.pause();
      refuse(socket);
    });
  });
  const port = await listen(server);
  onTestFinished(() => void server.close());
  return { port, posts: () => posts };
}

/** The server of a program, with the program at `inner`. */
async function serverBefore(inner: number): Promise<number> {
  const relay = createRelay(() => ({ host: '127.0.0.1', port: inner }), defaults);
  const app = { request: relay.request, upgrade: relay.upgrade };
  const identity = { id: 'aaaaaa', port: () => 0, state: () => 'up' as const };
  const { server, connections } = createAppServer(app, identity, '/healthz', defaults);
  onTestFinished(() => {
    server.close();
    connections.cut();
    relay.close();
  });
  return listen(server);
}

async function doorBefore(port: number): Promise<number> {
  await fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}` });
  return (await fleet.open(1)).port;
}

const ways = [
  ['closes', (socket: Socket) => socket.write(HEAD + TEXT, () => socket.destroy())],
  ['resets', (socket: Socket) => socket.write(HEAD + TEXT, () => socket.resetAndDestroy())],
  ['says no more, and stays', (socket: Socket) => socket.write(HEAD + TEXT)],
  [
    'closes in the midst of its words, after a moment',
    (socket: Socket) => {
      socket.write(HEAD + TEXT.slice(0, 10));
      setTimeout(() => socket.write(TEXT.slice(10), () => socket.destroy()), 5);
    },
  ],
] as const;

const bodies = [
  ['a length', { 'content-length': BODY.length }],
  ['chunks', { 'transfer-encoding': 'chunked' }],
  ['Expect: 100-continue', { 'content-length': BODY.length, expect: '100-continue' }],
] as const;

describe.each(['a module', 'a program'])('an answer before the body is read, from %s', (kind) => {
  const cases = ways.flatMap(([name, refuse]) =>
    bodies.map(([framing, headers]) => [name, framing, refuse, headers] as const),
  );

  test.each(cases)('that then %s, is the answer to a body with %s', async (...given) => {
    const [, , refuse, headers] = given;
    const server = await refusing(refuse);
    const port = kind === 'a program' ? await serverBefore(server.port) : server.port;
    const door = await doorBefore(port);
    for (let at = 0; at < TIMES; at += 1) {
      const { status, body } = await ask(door, '/', { method: 'POST', body: BODY, headers });
      expect([status, body === TEXT]).toEqual([413, true]);
    }
    expect(server.posts()).toBe(TIMES);
  });
});

test('an early answer that says no length and is reset is visibly cut, and nothing is sent twice', async () => {
  const server = await refusing((socket) => {
    socket.write('HTTP/1.1 413 Too Large\r\n\r\nwhy', () => socket.destroy());
  });
  const door = await doorBefore(server.port);
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`;
  const text = await exchange(door, head + BODY);
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
  expect(text).toContain('why');
  expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  expect(server.posts()).toBe(1);
});

test('a connection that broke without an answer is a 502 for a POST, once', async () => {
  const server = await refusing((socket) => socket.resetAndDestroy());
  const door = await doorBefore(server.port);
  for (const [, headers] of bodies) {
    expect((await ask(door, '/', { method: 'POST', body: BODY, headers })).status).toBe(502);
  }
  expect(server.posts()).toBe(3);
});

test('a client that sends all before it reads gets its early answer, and what it sends then is no request', async () => {
  const { seen } = await fleet.serve('aaaaaa', (request, response) => {
    if (request.method === 'POST') response.writeHead(401).end(TEXT);
    else response.end('next');
  });
  const { port } = await fleet.open(1);
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`;
  const text = await exchange(port, `${head}${BODY}DELETE / HTTP/1.1\r\nHost: a\r\n\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 401 /);
  expect(text).toContain(TEXT);
  expect(seen).toEqual(['POST /']);
});

test('a client that leaves after a program has refused it leaves nothing behind', async () => {
  const server = await refusing((socket) => socket.write(HEAD + TEXT, () => socket.destroy()));
  const door = await doorBefore(await serverBefore(server.port));
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`;
  await exchange(door, head + BODY.slice(0, BODY.length / 2), (text) => text.includes(TEXT));
  const { door: opened } = await fleet.open(1);
  await until('the door is empty', () => opened.servers().every(({ inflight }) => inflight === 0));
});
