import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ask, exchange, startRaw } from '../../helpers/clients.ts';
import {
  type Fleet,
  type OpenDoor,
  PATIENT,
  startFleet,
  stateOf,
} from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const OURS = 'aaaaaa';
const STRANGER = 'zzzzzz';
const AGAIN = 'bbbbbb';

interface Address {
  readonly port: number;
  /** Requests that reached who had the address then, those for its health left out. */
  readonly ours: string[];
  readonly strange: string[];
  /** Whether it lies still: takes requests and answers none. */
  silent: boolean;
  /** From now on a server of another fleet has it; nobody is told, and what stood hangs. */
  moves(): void;
}

/** A server that proves its id, as every server of ours says of itself. */
async function openAddress(): Promise<Address> {
  const strangers = new WeakSet<Socket>();
  let isMoved = false;
  const ours: string[] = [];
  const strange: string[] = [];
  const isStranger = ({ socket }: IncomingMessage) => strangers.has(socket);
  const note = (request: IncomingMessage) =>
    (isStranger(request) ? strange : ours).push(`${request.method} ${request.url}`);
  const server = createServer((request, response) => {
    if (isMoved && !isStranger(request)) return;
    const id = isStranger(request) ? STRANGER : OURS;
    if (request.url === '/healthz') {
      const text = JSON.stringify({ id, state: 'up' });
      return void response.writeHead(200, { 'Content-Length': text.length }).end(text);
    }
    note(request);
    if (!address.silent) request.resume().once('end', () => response.end(id));
  });
  server.on('upgrade', (request, socket) => {
    note(request);
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  server.on('connection', (socket) => isMoved && strangers.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const address: Address = {
    ...{ port, ours, strange, silent: false },
    moves() {
      isMoved = true;
    },
  };
  await register(OURS, port);
  return address;
}

const register = (id: string, port: number) =>
  fleet.register({ id, port, url: `http://127.0.0.1:${port}`, provesId: true });

const UPGRADE =
  'GET /w HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const ways: readonly [string, (door: OpenDoor) => Promise<string | undefined>][] = [
  ['a GET', async ({ port }) => (await ask(port, '/g')).by],
  ['a POST', async ({ port }) => (await ask(port, '/p', { method: 'POST', body: 'x' })).by],
  [
    'a POST that expects 100-continue',
    async ({ port }) => {
      const headers = { expect: '100-continue', 'content-length': '1' };
      return (await ask(port, '/e', { method: 'POST', body: 'x', headers })).by;
    },
  ],
  [
    'a WebSocket',
    async ({ port }) =>
      /x-served-by: (\w+)/i.exec(
        await exchange(port, UPGRADE, (text) => /\r\n\r\n/.test(text)),
      )?.[1],
  ],
];

describe('a server that proves its id', () => {
  test('is asked for it once for each connection, and requests follow on the same', async () => {
    const raw = await startRaw((socket, text) => {
      if (!text.endsWith('\r\n\r\n')) return;
      const last = text.slice(text.lastIndexOf('GET '));
      const body = last.startsWith('GET /healthz') ? `{"id":"${OURS}","state":"up"}` : 'fine';
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    onTestFinished(() => raw.stop());
    await register(OURS, raw.port);
    const { port } = await fleet.open(1, PATIENT);
    for (let at = 0; at < 3; at += 1) expect((await ask(port, `/${at}`)).body).toBe('fine');
    const asked = [...raw.received().matchAll(/^GET (\S+)/gm)].map(([, path]) => path);
    expect(asked).toEqual(['/healthz', '/0', '/1', '/2']);
    expect(raw.received()).toMatch(/\r\nVia: 1\.1 meow-\w+\r\n/);
  });

  test.each(ways)(
    'whose address another fleet has now: not even %s gets there',
    async (_, send) => {
      const address = await openAddress();
      await fleet.serve(AGAIN);
      const opened = await fleet.open(2, PATIENT);
      await send(opened);
      await send(opened);
      expect(address.ours.length).toBeGreaterThan(0);
      // All connections that stand have a request, as when its machine went off under load.
      address.silent = true;
      const held = Array.from({ length: 4 }, () => ask(opened.port, '/held').catch(() => null));
      await until(
        'it holds them',
        () => address.ours.filter((one) => one === 'GET /held').length > 1,
      );
      address.moves();
      for (let at = 0; at < 6; at += 1) expect(await send(opened)).toBe(AGAIN);
      expect(address.strange).toEqual([]);
      expect(stateOf(opened.door, OURS)).toBe('out');
      await Promise.all(held);
    },
  );
});

const answers = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
const own = `{"id":"${OURS}","state":"up"}`;

describe('who answers on a new connection', () => {
  test.each([
    ['nothing that is HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['another id', answers('{"id":"zzzzzz","state":"up"}')],
    ['no id', answers('welcome')],
    ['an answer without a length', `HTTP/1.1 200 OK\r\n\r\n${own}`],
    ['more than it was asked for', `${answers(own)}HTTP/1.1 200 OK\r\n\r\n`],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9_000)}`],
    ['an answer in two encodings', answers(own, 'Transfer-Encoding: chunked\r\n')],
    ['that it leaves', answers(`{"id":"${OURS}","state":"draining"}`).replace('200 OK', '503 No')],
    ['that it closes', answers(own, 'Connection: close\r\n')],
  ])('with %s gets no request, and no client hears of it', async (_, bytes) => {
    const raw = await startRaw((socket, text) => {
      if (text.endsWith('\r\n\r\n')) socket.write(bytes);
    });
    onTestFinished(() => raw.stop());
    await register(OURS, raw.port);
    await fleet.serve(AGAIN);
    const { port } = await fleet.open(2, PATIENT);
    for (let at = 0; at < 4; at += 1) {
      const { status, by } = await ask(port, '/x', { method: 'POST', body: 'b' });
      expect([status, by]).toEqual([200, AGAIN]);
    }
    expect(raw.received()).not.toContain('/x');
  });

  test('by a connection that ends, or in single bytes, does as on any other', async () => {
    let ends = true;
    const raw = await startRaw((socket, text) => {
      if (!text.endsWith('\r\n\r\n')) return;
      if (ends) return void socket.destroy();
      const isFirst = text.indexOf('GET ') === text.lastIndexOf('GET ');
      for (const byte of isFirst ? answers(own) : answers('fine')) socket.write(byte);
    });
    onTestFinished(() => raw.stop());
    await register(OURS, raw.port);
    const { port, door } = await fleet.open(1, PATIENT);
    expect((await ask(port, '/', { method: 'POST', body: 'b' })).status).toBe(503);
    expect(raw.received()).not.toContain('POST');
    ends = false;
    await until('it is used', () => stateOf(door, OURS) === 'usable');
    expect((await ask(port, '/')).body).toBe('fine');
  });

  test('with nothing for as long as an answer may take is left, and the request goes elsewhere', async () => {
    const raw = await startRaw(() => {});
    onTestFinished(() => raw.stop());
    await register(OURS, raw.port);
    await fleet.serve(AGAIN);
    const { port } = await fleet.open(2, { ...PATIENT, responseHeaderMs: 300 });
    for (let at = 0; at < 2; at += 1) expect((await ask(port, '/')).by).toBe(AGAIN);
    expect(raw.received()).toContain('/healthz');
  });
});
