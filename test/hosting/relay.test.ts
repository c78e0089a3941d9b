import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import type { App } from '../../src/hosting/app.ts';
import { createRelay } from '../../src/hosting/relay.ts';
import type { Connections } from '../../src/server/connections.ts';
import { createAppServer } from '../../src/server/http-server.ts';
import { ask, exchange, flood } from '../helpers/clients.ts';
import { until } from '../helpers/until.ts';

type Handler = NonNullable<Parameters<typeof createServer>[1]>;

const opened: { close(): void }[] = [];
const fronts: Connections[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** A relay behind a front of ours, to whatever listens at `inner`. */
async function relayTo(inner: number, healthy = true): Promise<number> {
  const relay = createRelay(() => ({ host: '127.0.0.1', port: inner }), defaults);
  const { request: pass, upgrade } = relay;
  const app: App = { request: pass, upgrade };
  const state = () => (healthy ? 'up' : 'failing');
  const identity = { id: 'abc234', port: () => 0, state } as const;
  const { server, connections } = createAppServer(app, identity, '/healthz', defaults);
  fronts.push(connections);
  const close = () => {
    server.close();
    connections.cut();
    relay.close();
  };
  opened.push({ close });
  return listen(server);
}

/** A program that handles requests so, and a relay to it. */
async function relayedProgram(handler: Handler, set: (server: Server) => void = () => {}) {
  const server = createServer(handler);
  set(server);
  const inner = await listen(server);
  opened.push({ close: () => void [server.close(), server.closeAllConnections()] });
  return { inner, port: await relayTo(inner), server };
}

/** A program that answers every connection's first bytes with these. */
async function beforeBytes(answer: string | null) {
  let connections = 0;
  const server = createNetServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.once('data', () => (answer === null ? socket.resetAndDestroy() : socket.end(answer)));
  });
  const inner = await listen(server as unknown as Server);
  opened.push(server);
  return { port: await relayTo(inner), connections: () => connections };
}

const rawHeaders: Handler = (incoming, response) => {
  response.end(JSON.stringify([incoming.method, incoming.url, incoming.rawHeaders]));
};

describe('what the program gets', () => {
  test('is method, target and headers as they came, but for those of the connection', async () => {
    const { port } = await relayedProgram(rawHeaders);
    const sent = {
      Host: 'cat.example',
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Proto': 'https',
      Via: '1.1 meow-abc234',
      Cookie: 'a=1',
      'X-Twice': ['1', '2'],
      Connection: 'keep-alive',
    };
    const { body } = await ask(port, '//a/..%2f?x=%E0%A4%A', { method: 'PURGE', headers: sent });
    const [method, url, headers] = JSON.parse(body) as [string, string, string[]];
    expect([method, url]).toEqual(['PURGE', '//a/..%2f?x=%E0%A4%A']);
    expect(headers.slice(0, -4)).toEqual([
      ...['Host', 'cat.example', 'X-Forwarded-For', '203.0.113.9', 'X-Forwarded-Proto', 'https'],
      ...['Via', '1.1 meow-abc234', 'Cookie', 'a=1', 'X-Twice', '1', 'X-Twice', '2'],
    ]);
    expect(headers.slice(-4)).toEqual(['Content-Length', '0', 'Connection', 'close']);
  });

  test('is a head of 130 KiB and 1,500 lines, and so may its answer be', async () => {
    const large = { maxHeaderSize: 200_000 };
    const program = createServer(large, (incoming, response) => {
      const lines = Array.from({ length: 1_500 }, () => ['X', 'y']).flat();
      const cookie = ['X-Cookie', String(incoming.headers.cookie)];
      response.writeHead(200, [...cookie, ...lines, 'Content-Length', '4']);
      response.end(`${incoming.rawHeaders.length > 3_000}`);
    });
    program.maxHeadersCount = 0;
    const port = await relayTo(await listen(program));
    opened.push({ close: () => void [program.close(), program.closeAllConnections()] });
    const cookie = 'c'.repeat(127 * 1_024);
    const lines = Array.from({ length: 1_500 }, () => ['a', 'b']).flat();
    const headers = ['Host', 'x', 'Cookie', cookie, ...lines];
    const answer = await ask(port, '/', { headers, ...large });
    expect([answer.status, answer.body]).toEqual([200, 'true']);
    expect(answer.headers['x-cookie'] === cookie).toBe(true);
  });

  test.each([
    ['a length', { 'Content-Length': '300000' }],
    ['chunks', { 'Transfer-Encoding': 'chunked' }],
    ['chunks that it is asked about first', { Expect: '100-continue' }],
  ])('is a body with %s, byte for byte', async (_, headers) => {
    const { port } = await relayedProgram((incoming, response) => void incoming.pipe(response));
    const body = 'meow'.repeat(75_000);
    const answer = await ask(port, '/', { method: 'POST', headers, body });
    expect(answer.body === body).toBe(true);
  });

  test('is nothing more of a client that leaves', async () => {
    let seen: IncomingMessage | null = null;
    const { port } = await relayedProgram((incoming) => {
      seen = incoming;
      incoming.resume();
    });
    const leaving = request({ port, host: '127.0.0.1', method: 'POST', agent: false });
    leaving.on('error', () => {});
    leaving.write('half');
    await until('the request is there', () => seen !== null);
    leaving.destroy();
    await until('it is cut', () => seen?.destroyed);
  });

  test('is no health check: that is answered before, also where the program answers none', async () => {
    const { port, inner } = await relayedProgram(rawHeaders);
    expect(JSON.parse((await ask(port, '/healthz')).body)).toEqual({ id: 'abc234', state: 'up' });
    expect((await ask(port, '/healthz?x', { method: 'HEAD' })).headers['content-length']).toBe(
      '28',
    );
    expect((await ask(port, '/healthz', { method: 'POST' })).status).toBe(405);
    expect((await ask(port, '/healthzzz')).body).toContain('/healthzzz');
    const failing = await ask(await relayTo(inner, false), '/healthz');
    expect([failing.status, failing.body]).toEqual([503, '{"id":"abc234","state":"failing"}']);
  });
});

describe('what the client gets', () => {
  test('is status, reason and headers as the program gave them', async () => {
    const { port } = await relayedProgram((_, response) => {
      response.sendDate = false;
      response.writeHead(418, 'Teapot', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-A', 'é']);
      response.end('short and stout');
    });
    const { status, rawHeaders: headers, body } = await ask(port);
    expect([status, body]).toEqual([418, 'short and stout']);
    expect(headers.slice(0, 6)).toEqual(['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-A', 'é']);
    expect(headers.map((name) => name.toLowerCase())).not.toContain('date');
  });

  test.each([
    ['HEAD', 200],
    ['GET', 304],
  ])('of %s %i is a length without a body', async (method, status) => {
    const { port } = await relayedProgram((_, response) => {
      response.writeHead(status, { 'Content-Length': 700 }).end();
    });
    const answer = await ask(port, '/', { method });
    expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([
      status,
      '700',
      '',
    ]);
  });

  test('is an answer of HTTP/1.0 that ends with its connection', async () => {
    const { port } = await beforeBytes('HTTP/1.0 200 OK\r\n\r\nall of it');
    expect((await ask(port)).body).toBe('all of it');
  });

  test.each([
    ['breaks off in its body', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['is empty', ''],
  ])('of an answer that %s is a connection that breaks', async (_, bytes) => {
    const { port } = await beforeBytes(bytes);
    await expect(ask(port)).rejects.toThrow();
  });

  test.each([
    ['is no HTTP', 'meow\r\n\r\n', 'Parse Error'],
    ['has status 099', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n', 'status 99'],
    [
      'is an upgrade nobody asked for',
      'HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      'nobody asked for its status 101',
    ],
    ['has 1xx without an end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200), 'no end'],
    [
      'has two framings',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nall',
      'framing of its answer is ambiguous',
    ],
    ['has too large a head', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(140_000)}\r\n\r\n`, '132 KiB'],
  ])('of an answer that %s is a 502 that says so, and is asked for once', async (_, bytes, why) => {
    const { port, connections } = await beforeBytes(bytes);
    const { status, body } = await ask(port);
    expect([status, body]).toEqual([502, expect.stringContaining(why)]);
    expect(connections()).toBe(1);
  });

  test('begins with what came before the answer itself, for HTTP/1.1', async () => {
    const { port } = await beforeBytes(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\nKeep-Alive: x\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall',
    );
    const get = (version: string) =>
      exchange(port, `GET / HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await get('1.1')).toMatch(
      /^HTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 103 Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1.1 200 /,
    );
    expect(await get('1.0')).toMatch(/^HTTP\/1.1 200 /);
  });

  test.each(['GET', 'POST'])(
    'is not asked for again where a %s broke after a 103',
    async (method) => {
      let asked = 0;
      const { port } = await relayedProgram((_, response) => {
        asked += 1;
        if (asked === 1) return void response.end('fine');
        response.writeEarlyHints({ link: '</a>; rel=preload' }, () => response.socket?.destroy());
      });
      expect((await ask(port, '/')).body).toBe('fine');
      await expect(ask(port, '/', { method })).rejects.toThrow();
      expect(asked).toBe(2);
    },
  );

  test('comes at its pace: a reader that stops holds the program back', async () => {
    let sent = 0;
    const { port } = await relayedProgram((_, response) => {
      const more = () => {
        do sent += 65_536;
        while (response.write(Buffer.alloc(65_536)) && sent < 200_000_000);
      };
      response.on('drain', more);
      more();
    });
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    onTestFinished(() => void socket.destroy());
    socket.once('data', () => socket.pause());
    let last = -1;
    await until('it is held back', async () => {
      if (sent > 0 && sent === last) return true;
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return false;
    });
    expect(sent).toBeLessThan(50_000_000);
  });
});

describe('a connection that the program just closed', () => {
  test('costs no GET its answer', async () => {
    const { port } = await relayedProgram(
      (_, response) => {
        response.end('fine');
        // After the answer, and without a word: what an idle timeout at the wrong moment does.
        response.once('finish', () => setImmediate(() => response.socket?.destroy()));
      },
      (server) => {
        server.keepAliveTimeout = 60_000;
      },
    );
    const agent = new Agent({ keepAlive: true });
    opened.push({ close: () => agent.destroy() });
    for (let at = 0; at < 300; at += 1) expect((await ask(port, '/', { agent })).body).toBe('fine');
  });

  test('is never used by a POST, and one that is reset is not sent again', async () => {
    const { port, connections } = await beforeBytes(null);
    await expect(ask(port, '/', { method: 'POST', body: 'once' })).rejects.toThrow();
    expect(connections()).toBe(1);
  });
});

describe('an upgrade', () => {
  const head = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Forwarded-For: 9\r\n\r\n';

  function talk(port: number, bytes: string, done: (text: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => {
        text += chunk;
        if (done(text)) socket.destroy();
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve(text));
    });
  }

  test('goes through with what was sent at once, and bytes flow both ways', async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await relayedProgram(rawHeaders, (server) =>
      server.on('upgrade', (incoming, socket, first) => {
        seen.push(incoming);
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
        );
        socket.write(first);
        socket.on('error', () => {});
        socket.pipe(socket);
      }),
    );
    const text = await talk(port, `GET /chat HTTP/1.1\r\n${head}meow`, (all) =>
      all.endsWith('meow'),
    );
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(seen[0]?.url).toBe('/chat');
    expect(seen[0]?.headers['x-forwarded-for']).toBe('9');
  });

  test.each([
    ['ends', (client: Socket) => client.end()],
    ['is reset after it sent more than is read', (client: Socket) => client.resetAndDestroy()],
  ])('whose client %s is over although its program never reads', async (how, leave) => {
    const inner: Socket[] = [];
    const { port } = await relayedProgram(rawHeaders, (server) =>
      server.on('upgrade', (_, socket: Socket) => {
        inner.push(socket.on('error', () => {}).once('end', () => socket.end()));
        socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      }),
    );
    const client = connect(port, '127.0.0.1', () => client.write(`GET / HTTP/1.1\r\n${head}`));
    client.on('error', () => {});
    await once(client, 'data');
    if (how !== 'ends') await flood(client);
    leave(client);
    await until('it holds nothing any more', () => fronts.at(-1)?.inflight() === 0);
    inner[0]?.resume();
    await until('nor the program', () => inner[0]?.closed);
  });

  test('that the program refuses gives its refusal', async () => {
    const { port } = await relayedProgram((_, response) => {
      response.writeHead(403, { Connection: 'close' }).end('no');
    });
    const text = await talk(port, `GET / HTTP/1.1\r\n${head}`, () => false);
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toMatch(/no$|no\r\n0/);
  });

  test('to a program that is gone breaks', async () => {
    const { port, server } = await relayedProgram(rawHeaders);
    server.close();
    server.closeAllConnections();
    expect(await talk(port, `GET / HTTP/1.1\r\n${head}`, () => false)).toBe('');
  });
});

test('requests that wait behind another on a connection that breaks are let go of, and by the program too', async () => {
  const gone: string[] = [];
  let came = 0;
  const { port } = await relayedProgram((request, response) => {
    came += 1;
    response.once('close', () => gone.push(request.url ?? ''));
  });
  const client = connect(port, '127.0.0.1', () => {
    client.write(['/1', '/2', '/3'].map((at) => `GET ${at} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  });
  client.on('error', () => {});
  await until('all are there', () => came === 3);
  client.resetAndDestroy();
  await until('none is held', () => fronts.at(-1)?.inflight() === 0);
  await until('nor at the program', () => gone.length === 3);
});
