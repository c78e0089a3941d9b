import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { type AppServer, createAppServer } from '../../../src/server/http-server.ts';
import { ask, exchange, type RawServer, startRaw } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import { accept, handshake } from '../../helpers/web-sockets.ts';

const KIB = 1_024;
const LARGE = { maxHeaderBytes: 128 * KIB };

let fleet: Fleet;
const opened: { stop(): unknown }[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  await fleet.clear();
  for (const one of opened.splice(0)) await one.stop();
});
afterAll(() => fleet.stop());

/** Something that is not a test server of the fleet, behind a door. */
async function behind(port: number, options = {}): Promise<OpenDoor> {
  await fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}` });
  return fleet.open(1, options);
}

async function raw(act: Parameters<typeof startRaw>[0]): Promise<RawServer> {
  const server = await startRaw(act);
  opened.push(server);
  return server;
}

/** A server as `serve` makes it. */
async function realServer(
  request: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const upgrade = (_: IncomingMessage, socket: { end(text: string): void }) =>
    socket.end(
      `HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept()}\r\n\r\nhello`,
    );
  const identity = { id: 'aaaaaa', port: () => 0, state: () => 'up' as const };
  const { server, connections }: AppServer = createAppServer(
    { request, upgrade },
    identity,
    '/healthz',
    defaults,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({ stop: () => void [server.close(), connections.cut()] });
  return (server.address() as AddressInfo).port;
}

describe('a door that lets heads of 128 KiB through', () => {
  const cookies = `a=${'c'.repeat(120 * KIB)}`;
  const target = `/${'t'.repeat(120 * KIB)}`;

  test('brings them to a server whole, with its own lines added, whatever carries them', async () => {
    const seen: IncomingMessage[] = [];
    const port = await realServer((request, response) => {
      seen.push(request);
      response.setHeader('x-answer', 'y'.repeat(120 * KIB));
      request.resume().once('end', () => response.end());
    });
    const door = await behind(port, LARGE);
    const post = { method: 'POST', body: 'body' };
    const answers = [
      await ask(door.port, '/', { headers: { cookie: cookies }, maxHeaderSize: 200 * KIB }),
      await ask(door.port, target, { ...post, maxHeaderSize: 200 * KIB }),
      await ask(door.port, '/', {
        ...post,
        headers: { cookie: cookies, expect: '100-continue' },
        maxHeaderSize: 200 * KIB,
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const { headers } of answers) expect(headers['x-answer']).toHaveLength(120 * KIB);
    const [first, second, third] = seen;
    expect([first?.headers.cookie === cookies, second?.url === target]).toEqual([true, true]);
    expect(third?.headers.cookie === cookies).toBe(true);
    expect(first?.headers.via).toContain(door.door.id);
    const socket = await exchange(door.port, handshake('/', `Cookie: ${cookies}\r\n`));
    expect(socket).toMatch(/^HTTP\/1\.1 101 [\s\S]*hello$/);
  });

  test('loses none of 3,000 lines, which Node alone would, nor the body’s length among them', async () => {
    let lines = 0;
    const port = await realServer((request, response) => {
      lines = request.rawHeaders.length / 2;
      let body = '';
      request.on('data', (piece: Buffer) => {
        body += piece;
      });
      request.once('end', () => response.end(body));
    });
    const door = await behind(port, { ...LARGE, maxHeaderLines: 4_000 });
    const head = `POST / HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(3_000)}Content-Length: 4\r\nConnection: close\r\n\r\n`;
    expect(await exchange(door.port, `${head}body`)).toMatch(/^HTTP\/1\.1 200 [\s\S]*body$/);
    expect(lines).toBeGreaterThan(3_000);
  });

  test('names the older server that refuses what it let through', async () => {
    await fleet.serve('bbbbbb');
    const { port, answers } = await fleet.open(1, LARGE);
    // What such a server has not read when it closes would make a reset of its answer.
    const lines = `Cookie: ${cookies.slice(0, 20 * KIB)}\r\n`;
    const plain = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`;
    for (const bytes of [plain, handshake('/', lines)]) {
      expect(await exchange(port, bytes)).toMatch(/^HTTP\/1\.1 431 /);
    }
    for (const { trouble, server } of answers) {
      expect([server, trouble]).toEqual(['bbbbbb', expect.stringContaining('server’s own limit')]);
    }
    expect(answers).toHaveLength(2);
  });
});

/** Sends these bytes so that they come in many packets. */
async function inPieces(port: number, bytes: string): Promise<string> {
  const sending = { socket: null as Socket | null };
  const answer = new Promise<string>((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    sending.socket = socket;
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(text));
  });
  for (let at = 0; at < bytes.length; at += 3_000) {
    await new Promise((written) => sending.socket?.write(bytes.slice(at, at + 3_000), written));
    await new Promise((later) => setTimeout(later, 1));
  }
  return answer;
}

describe('a head over the limit', () => {
  const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const long = (size: number) => 'y'.repeat(size);
  const withTarget = (size: number) => `GET /${long(size)} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const withLine = (size: number) => `GET / HTTP/1.1\r\nHost: a\r\nX: ${long(size)}\r\n\r\n`;
  const table: [name: string, status: number, bytes: string][] = [
    ['its target', 414, withTarget(20_000)],
    ['its target, by far', 414, withTarget(300_000)],
    ['one line', 431, withLine(20_000)],
    ['one line, by far', 431, withLine(300_000)],
    ['its lines', 431, `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${long(900)}\r\n`.repeat(30)}\r\n`],
    ['target and lines together', 431, withLine(9_000).replace('/', `/${long(9_000)}`)],
    ['a target behind another request', 414, GET + withTarget(20_000)],
    ['a line behind another request', 431, GET + withLine(20_000)],
  ];

  test.each(table)('because of %s is %i, in one packet and in many, and told', async (...row) => {
    const [, status, bytes] = row;
    await fleet.serve('aaaaaa');
    const { port, answers } = await fleet.open(1);
    for (const text of [await exchange(port, bytes), await inPieces(port, bytes)]) {
      const statuses = text.match(/HTTP\/1\.1 \d{3}/g) ?? [];
      expect(statuses.at(-1)).toBe(`HTTP/1.1 ${status}`);
      expect(statuses).toHaveLength(bytes.startsWith(GET) ? 2 : 1);
      expect(text).toContain('Connection: close');
    }
    const told = answers.filter((answered) => answered.status === status);
    expect(told.map(({ trouble }) => trouble)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining('--max-header is 16384 bytes')),
    );
  });

  test.each([
    ['its target', 414, `GET /${long(20_000)}`],
    ['a line', 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${`${long(99)} `.repeat(300)}`],
  ])('that never ends is refused too, %s with %i', async (_what, status, bytes) => {
    const { port } = await fleet.open(0, { lingerMs: 100 });
    expect(await inPieces(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('begins one byte above it: what is just as large goes through, a target of 15 KiB too', async () => {
    const server = await fleet.serve('aaaaaa');
    const { port } = await fleet.open(1);
    for (const bytes of [withTarget(15_000), withLine(15_000)]) {
      const text = await exchange(port, bytes, (all) => all.includes('hello'));
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(server.seen[0]).toHaveLength('GET /'.length + 15_000);
  });
});

test('an answer whose head is over the limit is a 502, and the log says why', async () => {
  const head = `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(20_000)}\r\nContent-Length: 0\r\n\r\n`;
  const server = await raw((socket, text) => text.includes('\r\n\r\n') && socket.write(head));
  const { port, answers } = await behind(server.port);
  expect((await ask(port)).status).toBe(502);
  const post = { method: 'POST', body: 'x', headers: { expect: '100-continue' } };
  expect((await ask(port, '/', post)).status).toBe(502);
  expect(await exchange(port, handshake())).toMatch(/^HTTP\/1\.1 502 /);
  const over = 'the head of its answer is over --max-header';
  expect(answers.map(({ trouble }) => trouble)).toEqual([
    over,
    over,
    `the handshake failed: ${over}`,
  ]);
});
