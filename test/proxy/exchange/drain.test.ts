import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { WebSocket } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, exchange } from '../../helpers/clients.ts';
import { type Fleet, startFleet, stateOf } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';
import { build, type EchoServer, handshake, startEcho } from '../../helpers/web-sockets.ts';

let fleet: Fleet;
let echo: EchoServer | null = null;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  await fleet.clear();
  await echo?.stop();
  echo = null;
});
afterAll(() => fleet.stop());

const soon = { streamDrainMs: 300, doorWatchMs: 20, upgradeCloseMs: 500 };

/** A server that opens a stream for each request, and the streams. */
async function withStreams(type = 'text/event-stream') {
  const streams: ServerResponse[] = [];
  const closed: unknown[] = [];
  const server = await fleet.serve('aaaaaa', (request, response) => {
    response.writeHead(200, { 'content-type': type });
    response.write(request.url === '/half' ? 'data: 1\n\ndata: ha' : 'data: 1\n\n');
    response.once('close', () => closed.push(request.url));
    streams.push(response);
  });
  return { server, streams, closed };
}

describe('an event stream of a server that leaves', () => {
  test('ends whole between two events, some time after the drain began', async () => {
    const { server, streams, closed } = await withStreams('Text/Event-Stream; charset=utf-8');
    const { port, door, answers } = await fleet.open(1, soon);
    const began = performance.now();
    const asked = [ask(port, '/'), ask(port, '/half')];
    await until('both are open', () => streams.length === 2);
    await server.say({ state: 'draining' });
    await until('it drains', () => stateOf(door, 'aaaaaa') === 'draining');
    // What comes before the end is passed on; of what comes behind it the client sees nothing.
    for (const stream of streams) stream.write('lf\n\n');
    const [quiet, half] = await Promise.all(asked);
    expect(performance.now() - began).toBeGreaterThan(soon.streamDrainMs);
    expect([quiet?.body, half?.body]).toEqual(['data: 1\n\nlf\n\n', 'data: 1\n\ndata: half\n\n']);
    await until('the server sees it', () => closed.length === 2);
    await until('the door has closed its connections', () => server.sockets.size === 0);
    expect(answers.map(({ status, trouble }) => [status, trouble])).toEqual([
      [200, 'ended: its server leaves'],
      [200, 'ended: its server leaves'],
    ]);
  });

  test('waits for the end of an event that is under way, but not for ever', async () => {
    const { server, streams } = await withStreams();
    const { port } = await fleet.open(1, soon);
    const [whole, never] = [ask(port, '/half'), ask(port, '/half')];
    await until('both are open', () => streams.length === 2);
    await server.say({ state: 'draining' });
    await new Promise((resolve) => setTimeout(resolve, soon.streamDrainMs + 200));
    streams[0]?.write('lf\n\ndata: 3\n\n');
    const bodies = (await Promise.all([whole, never])).map(({ body }) => body).sort();
    expect(bodies).toEqual(['data: 1\n\ndata: ha', 'data: 1\n\ndata: half\n\n']);
  });

  test('ends with the door, too', async () => {
    const { streams } = await withStreams();
    const { port, door } = await fleet.open(1, { doorWatchMs: 20 });
    const asked = ask(port, '/');
    await until('it is open', () => streams.length === 1);
    await door.close(3_600_000);
    expect((await asked).body).toBe('data: 1\n\n');
  });
});

test('any other answer of a server that leaves goes on to its end', async () => {
  const { server, streams } = await withStreams('application/octet-stream');
  const { port } = await fleet.open(1, soon);
  const asked = ask(port, '/');
  await until('it has begun', () => streams.length === 1);
  await server.say({ state: 'draining' });
  await new Promise((resolve) => setTimeout(resolve, 2 * soon.streamDrainMs));
  streams[0]?.end('end');
  expect((await asked).body).toBe('data: 1\n\nend');
});

describe('WebSockets of a server that leaves', () => {
  const say = (port: number, state: 'up' | 'draining') =>
    fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}`, state });

  test('are closed with 1001 on both sides, those of others are not', async () => {
    echo = await startEcho();
    await say(echo.port, 'up');
    const { port, door } = await fleet.open(1, soon);
    const sockets = await Promise.all([1, 2, 3].map(() => openSocket(port)));
    const other = await startEcho();
    await fleet.register({ id: 'bbbbbb', port: other.port, url: `http://127.0.0.1:${other.port}` });
    await until('both are used', () => stateOf(door, 'bbbbbb') === 'usable');
    const stays: WebSocket[] = [];
    while (other.sockets.size === 0) stays.push(await openSocket(port));
    const codes = Promise.all(sockets.map(closing));
    await say(echo.port, 'draining');
    expect(await codes).toEqual([1_001, 1_001, 1_001]);
    await until('the server has no connection', () => echo?.sockets.size === 0);
    expect(new Set(echo.closeCodes)).toEqual(new Set([1_001]));
    expect(other.sockets.size).toBe(1);
    for (const socket of stays) socket.close();
    await other.stop();
  });

  test('are told between two frames, on either side', async () => {
    echo = await startEcho();
    await say(echo.port, 'up');
    const { port } = await fleet.open(1, soon);
    const frame = maskedFrame(Buffer.alloc(2_000, 'x'));
    let text = '';
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    client.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    const closed = new Promise((resolve) => client.once('close', resolve));
    await until('it is open', () => text.includes('\r\n\r\n'));
    client.write(frame.subarray(0, 1_000));
    await say(echo.port, 'draining');
    await new Promise((resolve) => setTimeout(resolve, soon.streamDrainMs + 100));
    client.write(frame.subarray(1_000));
    await closed;
    expect(echo.closeCodes).toEqual([1_001]);
    expect(text.endsWith('\x88\x02\x03\xe9')).toBe(true);
  });
});

test('a client of HTTP/1.0 sees the end of its connection', async () => {
  const { server, streams } = await withStreams();
  const { port } = await fleet.open(1, soon);
  const asked = exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
  await until('it is open', () => streams.length === 1);
  await server.say({ state: 'draining' });
  expect(await asked).toMatch(/\r\n\r\ndata: 1\n\n$/);
});

/** As a client sends it, masked with zeros. */
function maskedFrame(payload: Buffer): Buffer {
  const plain = build(0x82, payload);
  const head = plain.subarray(0, 4);
  head[1] = 0x80 | 126;
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

function openSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(socket));
    socket.addEventListener('error', (event) => reject(new Error(event.message)));
  });
}

const closing = (socket: WebSocket) =>
  new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code), { once: true });
  });
