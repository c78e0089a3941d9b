import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';
import { startRaw } from '../../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../../helpers/door-fleet.ts';
import { END_HEADERS, frame, headers, speak, type } from '../../helpers/http2-frames.ts';
import { needs, testWith } from '../../helpers/needs.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
const folder = certificateFolder();
const certificates = [makeCertificate(folder, ['localhost'])];
const sessions: ClientHttp2Session[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await fleet.clear();
});
afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true });
});

const open = (count: number, options: Parameters<Fleet['open']>[1] = {}) =>
  fleet.open(count, options, null, { certificates, hstsSeconds: null });

function session({ port }: OpenDoor): ClientHttp2Session {
  const made = connect(`https://localhost:${port}`, {
    rejectUnauthorized: false,
    lookup: (_host, _options, use) => use(null, [{ address: '127.0.0.1', family: 4 }] as never, 4),
  });
  made.on('error', () => {});
  sessions.push(made);
  return made;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly interim: IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  /** The code that ended its stream. */
  readonly code: number;
}

function hear(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    const interim: IncomingHttpHeaders[] = [];
    let [head, trailers, body] = [{} as IncomingHttpHeaders, {} as IncomingHttpHeaders, ''];
    stream.on('headers', (lines) => interim.push(lines));
    stream.on('response', (lines) => {
      head = lines;
    });
    stream.on('trailers', (lines) => {
      trailers = lines;
    });
    stream.setEncoding('latin1').on('data', (piece) => {
      body += piece;
    });
    stream.on('error', () => {});
    stream.on('close', () =>
      resolve({
        ...{ status: Number(head[':status'] ?? 0), headers: head, interim, trailers, body },
        code: stream.rstCode,
      }),
    );
  });
}

const ask = (on: ClientHttp2Session, lines: OutgoingHttpHeaders = {}) => hear(on.request(lines));

/** A server of bytes, under an id that it answers health checks with. */
async function raw(id: string, act: (socket: Socket, text: string) => void) {
  const server = await startRaw((socket, text) => {
    if (!text.startsWith('GET /healthz')) return act(socket, text);
    const body = JSON.stringify({ id, state: 'up' });
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await fleet.register({ id, port: server.port, url: `http://127.0.0.1:${server.port}` });
  return server;
}

const GET = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/x'],
] as const;

describe('requests over one connection of HTTP/2', () => {
  test('an answer whose status HTTP/2 does not have is a 502, and the door goes on', async () => {
    await raw('aaaaaa', (socket, text) => {
      const status = text.includes('/odd') ? '999 X' : '200 OK';
      if (text.includes('\r\n\r\n'))
        socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    });
    const client = session(await open(1));
    expect((await ask(client, { ':path': '/odd' })).status).toBe(502);
    const stream = client.request({ ':method': 'POST', ':path': '/odd', expect: '100-continue' });
    const heard = hear(stream);
    stream.end('body');
    expect((await heard).status).toBe(502);
    expect((await ask(client)).status).toBe(200);
  });

  test('go to all servers in turn, each answer from the server that it names', async () => {
    await fleet.serve('aaaaaa');
    await fleet.serve('bbbbbb');
    const client = session(await open(2));
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(client)));
    const by = answers.map(({ headers: lines }) => lines['x-served-by']);
    expect(by).toEqual(answers.map(({ headers: lines }) => lines['x-test-id']));
    expect(by.filter((id) => id === 'aaaaaa')).toHaveLength(20);
    expect(answers.every(({ status, body }) => status === 200 && body === 'hello')).toBe(true);
  });

  test('are told to servers as those of HTTP/1 are, with their own version in Via', async () => {
    const server = await fleet.serve('aaaaaa');
    await ask(session(await open(1)), { 'x-forwarded-for': 'evil', 'x-request-id': 'mine' });
    const [request] = server.requests;
    expect(request?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-request-id': 'mine',
      via: expect.stringMatching(/^2 meow-/),
    });
    expect(request?.httpVersion).toBe('1.1');
  });

  test('carry bodies both ways, byte for byte, large ones too', async () => {
    await fleet.serve('aaaaaa', (request, response) => request.pipe(response));
    const client = session(await open(1));
    const body = Buffer.alloc(3_000_000, 'abcdefghij');
    for (const lines of [{}, { 'content-length': body.length }]) {
      const stream = client.request({ ':method': 'POST', ...lines });
      const heard = hear(stream);
      stream.end(body);
      const { status, body: back } = await heard;
      expect(status).toBe(200);
      expect(back === body.toString()).toBe(true);
    }
  });

  test('get cookies one by one, other lines of one name as one, interim answers and trailers', async () => {
    await raw('aaaaaa', (socket, text) => {
      if (!text.endsWith('\r\n\r\n')) return;
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      socket.write(
        'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nETag: "1"\r\nETag: "2"\r\nTrailer: X-Sum\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 5\r\n\r\n',
      );
    });
    const answer = await ask(session(await open(1)));
    expect(answer).toMatchObject({ status: 200, body: 'ok', trailers: { 'x-sum': '5' } });
    expect(answer.interim[0]).toMatchObject({ ':status': 103, link: '</a>' });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers.etag).toBe('"1", "2"');
    expect(answer.headers).not.toHaveProperty('keep-alive');
  });

  test.each([
    ['HEAD', 200, { 'content-length': '5' }],
    ['GET', 204, {}],
    ['GET', 304, { 'content-length': '5' }],
    ['GET', 205, { 'content-length': '5' }],
  ])('get no body with %s and %i', async (method, status, lines) => {
    await fleet.serve('aaaaaa', (_request, response) => {
      response.writeHead(status, { ...lines, etag: '"1"' });
      response.end(status === 205 ? 'hello' : '');
    });
    const answer = await ask(session(await open(1)), { ':method': method });
    expect(answer).toMatchObject({ status, body: '', code: 0, headers: { etag: '"1"' } });
  });

  test('may wait to be told to go on with their body', async () => {
    await fleet.serve('aaaaaa', (request, response) => request.pipe(response));
    const stream = session(await open(1)).request({ ':method': 'POST', expect: '100-continue' });
    const heard = hear(stream);
    await new Promise((resolve) => stream.once('continue', () => resolve(null)));
    stream.end('body');
    expect(await heard).toMatchObject({ status: 200, body: 'body' });
  });

  test('that ask for a WebSocket are told that it takes HTTP/1.1', async () => {
    await fleet.serve('aaaaaa');
    const client = session(await open(1));
    const answer = await ask(client, { 'sec-websocket-key': 'x', 'sec-websocket-version': '13' });
    expect(answer).toMatchObject({ status: 501, body: expect.stringContaining('HTTP/1.1') });
    await until('settings', () => client.remoteSettings.maxConcurrentStreams === 100);
    expect(client.remoteSettings.enableConnectProtocol).toBe(false);
  });

  test('get the door’s own answers in JSON where they ask for it, with a name', async () => {
    const {
      status,
      headers: lines,
      body,
    } = await ask(session(await open(0)), {
      accept: 'application/json',
    });
    expect(status).toBe(503);
    expect(lines).toMatchObject({ 'retry-after': '1', 'x-request-id': expect.any(String) });
    expect(JSON.parse(body)).toMatchObject({ status: 503 });
    expect(lines).not.toHaveProperty('connection');
  });
});

describe('when something fails under a request of HTTP/2', () => {
  test('the rules of retries hold: a GET goes to another server, a POST that was sent is a 502', async () => {
    const bad = await raw('aaaaaa', (socket) => socket.resetAndDestroy());
    await fleet.serve('bbbbbb');
    const opened = await open(2, { resetsToEject: 1_000, retryFloor: 1_000 });
    const client = session(opened);
    const gets = await Promise.all(Array.from({ length: 10 }, () => ask(client)));
    expect(gets.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const posts = [];
    for (let at = 0; at < 2; at += 1) {
      const stream = client.request({ ':method': 'POST' });
      const heard = hear(stream);
      stream.end('body');
      posts.push((await heard).status);
    }
    expect(posts.sort()).toEqual([200, 502]);
    await bad.stop();
  });

  test('an answer that breaks off ends its stream with an error, and no other', async () => {
    const server = await raw('aaaaaa', (socket, text) => {
      if (text.includes('/cut')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart', () => socket.destroy());
      } else if (text.endsWith('\r\n\r\n')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
    });
    const client = session(await open(1));
    expect(await ask(client, { ':path': '/cut' })).toMatchObject({
      ...{ status: 200, body: 'part', code: constants.NGHTTP2_INTERNAL_ERROR },
    });
    expect(await ask(client)).toMatchObject({ status: 200, body: 'ok', code: 0 });
    await server.stop();
  });

  test('a client that leaves in the middle of its body leaves no whole request behind', async () => {
    let seen = '';
    const server = await raw('aaaaaa', (_socket, text) => {
      seen = text;
    });
    const opened = await open(1);
    const lines = [[':method', 'POST'], ...GET.slice(1)] as const;
    const body = frame(type.data, 0, 1, 'part of it');
    const part = Buffer.concat([headers(lines, END_HEADERS), body]);
    let client: TLSSocket | null = null;
    const left = speak(opened.port, part, (socket) => {
      client = socket;
    });
    await until('the part is there', () => seen.includes('part of it'));
    (client as TLSSocket | null)?.end(frame(type.reset, 0, 1, Buffer.from([0, 0, 0, 8])));
    await left;
    await until('its server is let go', () => server.sockets.size === 0);
    expect(seen).not.toMatch(/0\r\n\r\n$/);
    await until('it is told', () => opened.answers.length === 1);
    expect(opened.answers[0]).toMatchObject({ status: 499, trouble: 'the client left' });
    await server.stop();
  });

  test('an answer that comes before the body is the answer, and the rest is not asked for', async () => {
    await fleet.serve('aaaaaa', (_request, response) => {
      response.writeHead(413).end('too much');
    });
    const client = session(await open(1));
    const stream = client.request({ ':method': 'POST' });
    const heard = hear(stream);
    stream.write(Buffer.alloc(500_000));
    expect(await heard).toMatchObject({ status: 413, body: 'too much', code: 0 });
    expect((await ask(client)).status).toBe(413);
  });

  test('a body that stops coming is a 408, one that takes too long as a whole too', async () => {
    await fleet.serve('aaaaaa');
    const opened = await open(1, { bodyIdleMs: 300, doorWatchMs: 50 });
    const stream = session(opened).request({ ':method': 'POST' });
    const heard = hear(stream);
    stream.write('a');
    expect((await heard).status).toBe(408);
    const slow = await open(1, { clientRequestMs: 400 });
    const second = session(slow).request({ ':method': 'POST' });
    const drip = setInterval(() => second.write('a'), 50);
    expect((await hear(second)).status).toBe(408);
    clearInterval(drip);
  });

  test('a client that reads nothing slows its server down, and the others are served', async () => {
    let sent = 0;
    await fleet.serve('aaaaaa', (request, response) => {
      if (request.url !== '/large') return void response.end('small');
      const more = () => {
        while (sent < 200_000_000 && response.write(Buffer.alloc(100_000))) sent += 100_000;
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    const client = session(await open(1));
    const stream = client.request({ ':path': '/large' }).on('error', () => {});
    await new Promise((resolve) => stream.once('response', resolve));
    let before = -1;
    await until('it stands still', async () => {
      const [was, is] = [before, sent];
      before = is;
      await ask(client);
      return is === was;
    });
    expect(sent).toBeLessThan(50_000_000);
    expect((await ask(client)).body).toBe('small');
  });
});

describe('a client of HTTP/2 is let go', () => {
  /** A stream, opened and reset at once. */
  const reset = (stream: number) => {
    const head = Buffer.from(headers(GET));
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, frame(type.reset, 0, stream, Buffer.from([0, 0, 0, 8]))]);
  };

  test.each<[string, () => Buffer]>([
    [
      'that resets stream after stream',
      () => Buffer.concat(Array.from({ length: 2_000 }, (_, at) => reset(2 * at + 3))),
    ],
    [
      'that sends settings without end',
      () => Buffer.concat(Array.from({ length: 2_000 }, () => frame(type.settings, 0, 0))),
    ],
    [
      'that pings without end',
      () => Buffer.concat(Array.from({ length: 2_000 }, () => frame(type.ping, 0, 0, '12345678'))),
    ],
    [
      'that continues a head without end',
      () =>
        Buffer.concat([
          frame(type.headers, 0, 1, ''),
          ...Array.from({ length: 2_000 }, () => frame(type.continuation, 0, 1)),
        ]),
    ],
    [
      'that sends empty pieces of a body without end',
      () =>
        Buffer.concat([
          headers([[':method', 'POST'], ...GET.slice(1)], END_HEADERS),
          ...Array.from({ length: 5_000 }, () => frame(type.data, 0, 1)),
        ]),
    ],
  ])('%s, and the others are served', async (_what, bytes) => {
    await fleet.serve('aaaaaa');
    const opened = await open(1);
    const other = session(opened);
    expect((await ask(other)).status).toBe(200);
    const outcome = await speak(opened.port, bytes());
    // Node says nothing at the end of some.
    expect(outcome).toMatchObject({ status: 0, ended: false });
    expect(outcome.goaway).not.toBe('NO_ERROR');
    expect((await ask(other)).status).toBe(200);
    other.destroy();
    await until('none is left', () => opened.door.figures.snapshot().clients.open === 0);
    await until('nothing is in flight', () =>
      opened.door.servers().every(({ inflight }) => inflight === 0),
    );
  });

  test('that opens a connection and asks for nothing, or asks for nothing more', async () => {
    await fleet.serve('aaaaaa');
    const never = session(await open(1, { clientHeaderMs: 300 }));
    await new Promise((resolve) => never.once('close', resolve));
    const once = session(await open(1, { clientKeepAliveMs: 300 }));
    expect((await ask(once)).status).toBe(200);
    const code = await new Promise((resolve) => once.once('goaway', resolve));
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    await new Promise((resolve) => (once.destroyed ? resolve(null) : once.once('close', resolve)));
  });
});

test('a door that closes tells clients of HTTP/2 to go, answers what they asked, and ends', async () => {
  const waiting: (() => void)[] = [];
  await fleet.serve('aaaaaa', (_request, response) => {
    waiting.push(() => response.end('late'));
  });
  const opened = await open(1);
  const [busy, idle] = [session(opened), session(opened)];
  const heard = ask(busy);
  const gone = [busy, idle].map((each) => new Promise((resolve) => each.once('close', resolve)));
  const told = [busy, idle].map((each) => new Promise((resolve) => each.once('goaway', resolve)));
  await until('it waits', () => waiting.length === 1);
  await new Promise((resolve) => (idle.connecting ? idle.once('connect', resolve) : resolve(null)));
  const closed = opened.door.close(60_000);
  expect(await Promise.all(told)).toEqual([0, 0]);
  await gone[1];
  for (const answer of waiting) answer();
  expect(await heard).toMatchObject({ status: 200, body: 'late', code: 0 });
  await closed;
  await gone[0];
});

test('a stream of events ends between two of them when its server leaves', async () => {
  const server = await fleet.serve('aaaaaa', (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
  });
  const opened = await open(1, { streamDrainMs: 100, doorWatchMs: 50 });
  const stream = session(opened).request({});
  const heard = hear(stream);
  await new Promise((resolve) => stream.once('response', resolve));
  await server.say({ state: 'draining' });
  expect(await heard).toMatchObject({ status: 200, body: 'data: 1\n\n', code: 0 });
});

describe('tools of others', () => {
  const run = async (program: string, ...args: string[]) => {
    const { stdout } = await promisify(execFile)(program, args, { timeout: 120_000 });
    return stdout;
  };

  testWith(needs.curl, 'curl speaks HTTP/2 and HTTP/1.1 with the door', async () => {
    await fleet.serve('aaaaaa', (request, response) => request.pipe(response));
    const { port } = await open(1);
    const url = `https://localhost:${port}/`;
    const trust = ['-sS', '--cacert', certificates[0]?.cert ?? '', '--ipv4'];
    const say = ['-d', 'hello', '-w', ' %{http_version} %{http_code}'];
    expect(await run('curl', ...trust, ...say, '--http2', url)).toBe('hello 2 200');
    expect(await run('curl', ...trust, ...say, '--http1.1', url)).toBe('hello 1.1 200');
  });

  testWith(needs.nghttp2, 'nghttp and h2load get every answer', async () => {
    await fleet.serve('aaaaaa');
    await fleet.serve('bbbbbb');
    const opened = await open(2);
    expect(await run('nghttp', '-nv', opened.url)).toMatch(/:status: 200/);
    const load = await run('h2load', '-n', '1000', '-c', '5', '-m', '20', opened.url);
    expect(load).toMatch(/1000 succeeded, 0 failed/);
    await until('all are told', () => opened.answers.length === 1_001);
    expect(opened.answers.filter(({ trouble }) => trouble !== null)).toEqual([]);
    expect(opened.door.figures.total().requests).toBe(1_001);
  });
});
