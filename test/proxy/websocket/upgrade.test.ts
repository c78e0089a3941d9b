import { connect, type Socket } from 'node:net';
import { WebSocket } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, exchange, flood, type RawServer, startRaw } from '../../helpers/clients.ts';
import { type Fleet, startFleet, stateOf } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';
import { accept, build, type EchoServer, handshake, startEcho } from '../../helpers/web-sockets.ts';

const ANSWER = `HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept()}\r\n\r\n`;

let fleet: Fleet;
const servers: (EchoServer | RawServer)[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  await fleet.clear();
  for (const server of servers.splice(0)) await server.stop();
});
afterAll(() => fleet.stop());

async function withServer<S extends EchoServer | RawServer>(starting: Promise<S>, id = 'aaaaaa') {
  const server = await starting;
  servers.push(server);
  await fleet.register({ id, port: server.port, url: `http://127.0.0.1:${server.port}` });
  return server;
}

function openSocket(port: number, path = '/'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(socket));
    socket.addEventListener('error', (event) => reject(new Error(event.message)));
  });
}

const nextMessage = (socket: WebSocket) =>
  new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(String(data)), { once: true });
  });
const closing = (socket: WebSocket) =>
  new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code), { once: true });
  });

describe('a WebSocket', () => {
  test('is echoed, small messages and one of 1 MiB, and told once as 101', async () => {
    await withServer(startEcho());
    const { port, answers } = await fleet.open(1);
    const socket = await openSocket(port);
    for (const text of ['meow', 'x'.repeat(70_000), 'y'.repeat(1_024 * 1_024)]) {
      const back = nextMessage(socket);
      socket.send(text);
      expect((await back) === text).toBe(true);
    }
    const closed = closing(socket);
    socket.close(4_001, 'bye');
    expect(await closed).toBe(4_001);
    expect(answers.map(({ status, server }) => [status, server])).toEqual([[101, 'aaaaaa']]);
  });

  test('brings its close code to the server', async () => {
    const server = await withServer(startEcho());
    const { port } = await fleet.open(1);
    const socket = await openSocket(port);
    socket.close(4_123);
    await until('the server has the code', () => server.closeCodes.at(-1) === 4_123);
    await until('the connection is closed', () => server.sockets.size === 0);
  });

  test('keeps its path byte for byte, and the door’s header rules hold', async () => {
    const server = await withServer(startEcho());
    const { port, door } = await fleet.open(1);
    const lines =
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nProxy-Authorization: x\r\nX-Request-Id: a-1\r\n' +
      'X_Forwarded_For: 6.6.6.6\r\nProxy: evil\r\n';
    const text = await exchange(port, handshake('/a/../b//c?%zz', lines), (all) =>
      all.endsWith('\r\n\r\n'),
    );
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(text).toMatch(/^x-served-by: aaaaaa\r$/im);
    const { url, headers } = server.handshakes[0] ?? { headers: {} };
    expect(url).toBe('/a/../b//c?%zz');
    expect(headers).toMatchObject({
      host: 'a',
      'x-forwarded-for': '127.0.0.1',
      'x-request-id': 'a-1',
      via: `1.1 meow-${door.id}`,
    });
    expect(headers).not.toHaveProperty('x-forwarded-port');
    for (const name of ['proxy-authorization', 'proxy', 'x_forwarded_for']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test('leaves what belongs to the server’s own connection behind, in a refusal too', async () => {
    const ofConnection = ['keep-alive', 'proxy-authenticate', 'proxy-connection', 'te'];
    const lines = ofConnection.map((name) => `${name}: mine\r\n`).join('');
    await withServer(
      startRaw((socket) => socket.end(`HTTP/1.1 403 No\r\n${lines}Content-Length: 2\r\n\r\nno`)),
    );
    const { port } = await fleet.open(1);
    const text = await exchange(port, handshake());
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).not.toMatch(/: mine/);
  });

  test('counts as one of its server’s requests for as long as it is open', async () => {
    await withServer(startEcho());
    const { port, door } = await fleet.open(1);
    const socket = await openSocket(port);
    expect(door.servers()[0]?.inflight).toBe(1);
    socket.close();
    await until('it is given back', () => door.servers()[0]?.inflight === 0);
  });

  test('goes to the next server when one refuses the connection', async () => {
    const dead = await withServer(startEcho(), 'aaaaaa');
    await withServer(startEcho(), 'bbbbbb');
    const { port, door } = await fleet.open(2);
    await dead.stop();
    const opened = [await openSocket(port), await openSocket(port)];
    expect(stateOf(door, 'aaaaaa')).toBe('out');
    for (const socket of opened) socket.close();
  });

  test('is closed when its server dies, the others are not', async () => {
    const dying = await withServer(startEcho(), 'aaaaaa');
    await withServer(startEcho(), 'bbbbbb');
    const { port } = await fleet.open(2);
    const opened = [await openSocket(port), await openSocket(port)];
    const codes: (number | null)[] = [null, null];
    opened.forEach((socket, at) => {
      void closing(socket).then((code) => {
        codes[at] = code;
      });
    });
    for (const socket of dying.sockets) socket.resetAndDestroy();
    await until('one is closed', () => codes.some((code) => code !== null));
    const alive = opened[codes.indexOf(null)];
    const back = alive && nextMessage(alive);
    alive?.send('still here');
    expect(await back).toBe('still here');
    alive?.close();
  });

  test('ends at its server when the client vanishes', async () => {
    const server = await withServer(startEcho());
    const { port } = await fleet.open(1);
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    await new Promise((resolve) => client.once('data', resolve));
    client.resetAndDestroy();
    await until('the server’s side is closed', () => server.sockets.size === 0);
  });
});

describe('a WebSocket one side of which has gone', () => {
  /** A handshake, after which neither side reads what the other says. */
  async function deafSides() {
    const said = (socket: Socket, text: string) => {
      if (!text.endsWith('\r\n\r\n')) return;
      socket.pause();
      socket.write(ANSWER);
    };
    const server = await withServer(startRaw(said));
    const { port, door } = await fleet.open(1);
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    client.on('error', () => {});
    await new Promise((resolve) => client.once('data', resolve));
    client.pause();
    const [inner] = [...server.sockets];
    if (!inner) throw new Error('no connection');
    const isOver = () => door.servers()[0]?.inflight === 0;
    return { client, inner, isOver };
  }

  test.each([
    ['ended', false, (client: Socket) => client.end()],
    ['vanished', false, (client: Socket) => client.resetAndDestroy()],
    ['sent more than is read and ended', true, (client: Socket) => client.destroy()],
  ])('the client, which %s: is over although its server never reads', async (_, much, leave) => {
    const { client, inner, isOver } = await deafSides();
    if (much) await flood(client);
    leave(client);
    await until('the door holds nothing any more', isOver);
    inner.resume();
    await until('nor the server', () => inner.closed);
    client.destroy();
  });

  test.each([
    ['ended', false, (server: Socket) => server.end()],
    ['sent more than is read and ended', true, (server: Socket) => server.destroy()],
  ])('the server, which %s: is over although its client never reads', async (_, much, leave) => {
    const { client, inner, isOver } = await deafSides();
    if (much) await flood(inner, false);
    leave(inner);
    await until('the door holds nothing any more', isOver);
    client.resume();
    await until('nor the client', () => client.closed);
  });

  test('before its handshake was answered: its server is left alone at once', async () => {
    const server = await withServer(startRaw(() => {}));
    const { port, door } = await fleet.open(1, { handshakeMs: 3_600_000 });
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    client.on('error', () => {});
    await until('it is there', () => server.received().includes('websocket'));
    client.resetAndDestroy();
    await until('nothing is left', () => door.servers()[0]?.inflight === 0);
    await until('nor at the server', () => server.sockets.size === 0);
  });

  test('is no side that is only slow: each byte arrives', async () => {
    const { client, inner } = await deafSides();
    const pieces: Buffer[] = [];
    let size = 0;
    client.on('data', (piece) => {
      pieces.push(piece);
      size += piece.length;
    });
    client.pause();
    const frames = Array.from({ length: 250 }, (_, at) => build(0x82, Buffer.alloc(60_000, at)));
    const all = Buffer.concat(frames);
    inner.write(all);
    const startMs = performance.now();
    await until('the door has waited', () => performance.now() - startMs > 800);
    client.resume();
    await until('all of it is here', () => size >= all.length);
    expect(Buffer.concat(pieces).equals(all)).toBe(true);
    client.destroy();
  });
});

describe('a handshake that fails', () => {
  test('because nobody listens is a 502, and the door lives', async () => {
    const server = await withServer(startEcho());
    const { port } = await fleet.open(1);
    await server.stop();
    for (let again = 0; again < 20; again += 1) {
      expect(await exchange(port, handshake())).toMatch(/^HTTP\/1\.1 502 /);
    }
  });

  test('because there is no server is a 503', async () => {
    const { port } = await fleet.open(0);
    const text = await exchange(port, handshake());
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/^Retry-After: 1\r\n.*^Date: /ms);
  });

  test.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['nothing', ''],
  ])('because the server answers %s is a 502', async (_what, bytes) => {
    await withServer(startRaw((socket) => socket.end(bytes)));
    const { port } = await fleet.open(1);
    expect(await exchange(port, handshake())).toMatch(/^HTTP\/1\.1 502 /);
  });

  test.each([
    ['is for another protocol', ANSWER.replace('websocket', 'echo')],
    ['is for another key', ANSWER.replace(accept(), accept('x'))],
    ['has no Sec-WebSocket-Accept', ANSWER.replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['has no Upgrade', ANSWER.replace('Upgrade: websocket\r\n', '')],
  ])('because the server’s 101 %s is a 502, and said', async (_what, bytes) => {
    await withServer(startRaw((socket) => socket.write(bytes)));
    const { port, answers, door } = await fleet.open(1, { handshakeMs: 2_000 });
    expect(await exchange(port, handshake())).toMatch(/^HTTP\/1\.1 502 /);
    expect(answers[0]?.trouble).toMatch(/^the handshake failed: /);
    expect(door.servers()[0]?.inflight).toBe(0);
  });

  test('because the server says nothing is a 504', async () => {
    await withServer(startRaw(() => {}));
    const { port } = await fleet.open(1, { handshakeMs: 200 });
    expect(await exchange(port, handshake())).toMatch(/^HTTP\/1\.1 504 /);
  });

  test.each([
    ['with a length', 'Content-Length: 2\r\n\r\nno', 'no'],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n', '2\r\nno\r\n0\r\n\r\n'],
  ])('because the server refuses, %s, is passed on', async (_how, rest, body) => {
    await withServer(
      startRaw((socket) => socket.end(`HTTP/1.1 403 Forbidden\r\nX-Why: cats\r\n${rest}`)),
    );
    const { port } = await fleet.open(1);
    const text = await exchange(port, handshake());
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(text).toMatch(/^x-why: cats\r$/im);
    expect(text).toMatch(/^x-served-by: aaaaaa\r$/im);
    expect(text.endsWith(body)).toBe(true);
  });

  test('because the client resets in the middle of it harms nobody', async () => {
    const server = await withServer(startEcho());
    const { port, door } = await fleet.open(1);
    for (let again = 0; again < 200; again += 1) {
      await new Promise<void>((resolve) => {
        const client = connect(port, '127.0.0.1', () => {
          client.write(handshake(), () => client.resetAndDestroy());
        });
        client.on('error', () => {}).once('close', () => resolve());
      });
    }
    await until('nothing is left', () => door.servers()[0]?.inflight === 0);
    await until('nor at the server', () => server.sockets.size === 0);
    // A machine that stands still for a second makes the door doubt a connection: it looks again.
    await until('it serves', async () => (await ask(port)).body === 'plain');
  });

  test('because the server resets as its 101 arrives harms nobody', async () => {
    await withServer(
      startRaw((socket) => {
        socket.write(ANSWER, () => socket.resetAndDestroy());
      }),
    );
    const { port, door } = await fleet.open(1);
    await Promise.all(Array.from({ length: 100 }, () => exchange(port, handshake())));
    await until('nothing is left', () => door.servers()[0]?.inflight === 0);
  });

  test.each([
    ['is a POST', handshake().replace('GET', 'POST')],
    ['has no key', handshake().replace(/Sec-WebSocket-Key.*\r\n/, '')],
    ['has a body', handshake('/', 'Content-Length: 3\r\n')],
    ['has two Hosts', handshake('/', 'Host: b\r\n')],
  ])('because it %s is a 400 and reaches no server', async (_what, bytes) => {
    const server = await withServer(startEcho());
    const { port } = await fleet.open(1);
    expect(await exchange(port, bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(server.handshakes).toEqual([]);
  });

  test('because it comes behind an unanswered request is a 400, after that answer', async () => {
    await fleet.serve('aaaaaa');
    const { port } = await fleet.open(1);
    const text = await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\n\r\n${handshake()}`);
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  test('because it has been through a door is a 508', async () => {
    const server = await withServer(startEcho());
    const { port } = await fleet.open(1);
    const text = await exchange(port, handshake('/', 'Via: 1.1 meow-zzzzzz\r\n'));
    expect(text).toMatch(/^HTTP\/1\.1 508 /);
    expect(server.handshakes).toEqual([]);
  });
});

describe('a door that closes', () => {
  test('says goodbye to WebSockets with 1001', async () => {
    const server = await withServer(startEcho());
    const { port, door } = await fleet.open(1);
    const opened = await Promise.all([openSocket(port), openSocket(port)]);
    const codes = Promise.all(opened.map(closing));
    await door.close(5_000);
    expect(await codes).toEqual([1_001, 1_001]);
    await until('the server’s side is closed', () => server.sockets.size === 0);
  });

  test('does not put its goodbye into the middle of a message', async () => {
    const frame = build(0x82, Buffer.alloc(60_000, 'x'));
    let finish: () => void = () => {};
    await withServer(
      startRaw((socket, sent) => {
        if (!sent.endsWith('\r\n\r\n')) return;
        socket.write(ANSWER);
        socket.write(frame.subarray(0, 30_000));
        finish = () => socket.write(frame.subarray(30_000));
      }),
    );
    const { port, door } = await fleet.open(1);
    let text = '';
    const client = connect(port, '127.0.0.1', () => client.write(handshake()));
    client.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    const closed = new Promise((resolve) => client.once('close', resolve));
    await until('half of it is here', () => text.length > 30_000);
    const ended = door.close(5_000);
    finish();
    await ended;
    await closed;
    const sent = text.slice(text.indexOf('\r\n\r\n') + 4);
    expect(sent === `${frame.toString('latin1')}\x88\x02\x03\xe9`).toBe(true);
  });
});
