import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { createRelay } from '../../src/hosting/relay.ts';
import { HOP_BY_HOP } from '../../src/http/hop-by-hop.ts';
import { createAppServer } from '../../src/server/http-server.ts';
import { exchange, startRaw } from '../helpers/clients.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

async function doorBefore(port: number): Promise<number> {
  await fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}` });
  return (await fleet.open(1)).port;
}

async function relayBefore(port: number): Promise<number> {
  const relay = createRelay(() => ({ host: '127.0.0.1', port }), defaults);
  const identity = { id: 'aaaaaa', port: () => 0, state: () => 'up' as const };
  const app = { request: relay.request, upgrade: relay.upgrade };
  const { server, connections } = createAppServer(app, identity, '/healthz', defaults);
  onTestFinished(() => {
    server.close();
    connections.cut();
    relay.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

const proxies = [
  ['the door', doorBefore],
  ['the relay', relayBefore],
] as const;

const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';
const HEALTHY = 'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"id":"aaaaaa","state":"up"}';

/** A server behind a proxy, which answers the first request so, and then ends the connection. */
async function behind(
  before: (port: number) => Promise<number>,
  end: (socket: Socket) => void = (socket) => void socket.end(FINE),
) {
  let asked = '';
  const server = await startRaw((socket, text) => {
    if (text.startsWith('GET /healthz ')) return void socket.end(HEALTHY);
    if (asked === '' && text.includes('\r\n\r\n')) end(socket);
    if (text.includes('\r\n\r\n')) asked = text;
  });
  onTestFinished(() => server.stop());
  return { port: await before(server.port), asked: () => asked };
}

interface Sent {
  readonly method?: string;
  readonly version?: string;
  readonly lines?: string;
  readonly body?: string;
}

function send(port: number, { method = 'GET', version = '1.1', lines = '', body = '' }: Sent) {
  const end = /^connection:/im.test(lines) ? '' : 'Connection: close\r\n';
  return exchange(port, `${method} /a HTTP/${version}\r\nHost: cats\r\n${end}${lines}\r\n${body}`);
}

/** The values that a line has in a head. */
function valuesIn(message: string, name: string): string[] {
  const head = message.slice(0, message.indexOf('\r\n\r\n')).split('\r\n');
  const wanted = `${name.toLowerCase()}:`;
  return head.flatMap((line) =>
    line.toLowerCase().startsWith(wanted) ? [line.slice(wanted.length).trim()] : [],
  );
}

type Case = readonly [what: string, sent: Sent, name: string, values: readonly string[]];

// Framing that the client chooses, and an upgrade that it names in Connection, are other tests'.
const notAsked = ['connection', 'transfer-encoding'];
const requests: readonly Case[] = [
  ...HOP_BY_HOP.filter((name) => !notAsked.includes(name)).map(
    (name): Case => [`${name} stays here`, { lines: `${name}: mine\r\n` }, name, []],
  ),
  [
    'what Connection names stays here',
    { lines: 'Connection: close, X-Gone\r\nX-Gone: 1\r\n' },
    'x-gone',
    [],
  ],
  [
    'so does what a second Connection names',
    { lines: 'Connection: close\r\nConnection: X-Gone\r\nX-Gone: 1\r\n' },
    'x-gone',
    [],
  ],
  ['Host cannot be named away', { lines: 'Connection: close, Host\r\n' }, 'host', ['cats']],
  [
    'nor can the length',
    {
      method: 'POST',
      lines: 'Connection: close, Content-Length\r\nContent-Length: 4\r\n',
      body: 'meow',
    },
    'content-length',
    ['4'],
  ],
  [
    'any other line goes on as often as it came',
    { lines: 'X-A: 1\r\nX-A: 2\r\n' },
    'x-a',
    ['1', '2'],
  ],
  ['bytes beyond ASCII go on', { lines: 'X-A: caf\xe9\r\n' }, 'x-a', ['caf\xe9']],
];

test('the names of a connection are those of RFC 9110 §7.6.1, and what clients made up', () => {
  expect(HOP_BY_HOP).toEqual([
    ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection'],
    ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
  ]);
});

describe.each(proxies)('of a request that comes to %s', (_proxy, before) => {
  test.each(requests)('%s', async (_what, sent, name, values) => {
    const { port, asked } = await behind(before);
    expect(await send(port, sent)).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\nfine$/s);
    expect(valuesIn(asked(), name)).toEqual(values);
  });
});

const answers: readonly (readonly [
  what: string,
  lines: string,
  name: string,
  values: readonly string[],
])[] = [
  ...HOP_BY_HOP.filter((name) => !notAsked.includes(name)).map(
    (name) =>
      [`${name} stays here`, `200 OK\r\n${name}: mine\r\nContent-Length: 4`, name, []] as const,
  ),
  [
    'what Connection names stays here',
    '200 OK\r\nConnection: X-Gone\r\nX-Gone: 1\r\nContent-Length: 4',
    'x-gone',
    [],
  ],
  [
    'the length cannot be named away',
    '200 OK\r\nConnection: Content-Length\r\nContent-Length: 4',
    'content-length',
    ['4'],
  ],
  [
    'any other line goes on as often as it came',
    '200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 4',
    'x-a',
    ['1', '2'],
  ],
  ['a 204 has no length', '204 No Content\r\nContent-Length: 4', 'content-length', []],
  [
    'a 304 has the length of what it means',
    '304 Not Modified\r\nContent-Length: 700',
    'content-length',
    ['700'],
  ],
];

describe.each(proxies)('of an answer that comes to %s', (_proxy, before) => {
  test.each(answers)('%s', async (_what, lines, name, values) => {
    const bytes = `HTTP/1.1 ${lines}\r\n\r\n${lines.startsWith('200') ? 'fine' : ''}`;
    const { port } = await behind(before, (socket) => socket.end(bytes));
    const got = await send(port, {});
    expect(got).toMatch(new RegExp(`^HTTP/1\\.1 ${lines.slice(0, 3)} `));
    expect(valuesIn(got, name)).toEqual(values);
  });

  test('trailers go on, but for those that may not come late', async () => {
    const late =
      'X-Sum: 1\r\nSet-Cookie: a=1\r\nHost: evil\r\nKeep-Alive: 9\r\nAuthorization: me\r\n';
    const chunks = `Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n${late}\r\n`;
    const { port } = await behind(before, (socket) => socket.end(`HTTP/1.1 200 OK\r\n${chunks}`));
    const got = await send(port, {});
    expect(valuesIn(got, 'trailer')).toEqual(['X-Sum']);
    expect(got.slice(got.indexOf('\r\n0\r\n'))).toBe('\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  test('trailers have no place in one to HTTP/1.0', async () => {
    const chunks =
      'Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX-Sum: 1\r\n\r\n';
    const { port } = await behind(before, (socket) => socket.end(`HTTP/1.1 200 OK\r\n${chunks}`));
    const got = await send(port, { version: '1.0' });
    expect(valuesIn(got, 'trailer')).toEqual([]);
    expect(got).toMatch(/\r\n\r\nfine$/);
  });

  test('what comes before it goes on to HTTP/1.1 alone, but for what is between each two', async () => {
    const early = ['102 Processing', '103 Early Hints\r\nLink: </a>\r\nKeep-Alive: 9']
      .map((head) => `HTTP/1.1 ${head}\r\n\r\n`)
      .join('');
    const answer = `${early}${FINE}`;
    const heads = async (version: string) => {
      const { port } = await behind(before, (socket) => socket.end(answer));
      const got = await send(port, { version });
      await fleet.clear();
      expect(got).not.toMatch(/keep-alive: 9/i);
      return [...got.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status);
    };
    expect(await heads('1.1')).toEqual(['102', '103', '200']);
    expect(await heads('1.0')).toEqual(['200']);
  });
});

const refused: readonly (readonly [string, string])[] = [
  ['has another coding than chunks', '200 OK\r\nTransfer-Encoding: gzip\r\n\r\nall'],
  ['is in chunks and more', '200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  [
    'is in chunks twice',
    '200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  [
    'has chunks and a length',
    '200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
  ],
  ['has two lengths', '200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfine!'],
  ['upgrades what nobody asked to', '101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['has a status below 100', '099 Odd\r\nContent-Length: 0\r\n\r\n'],
  [
    'never comes for all its 1xx',
    ['102 Processing\r\n\r\n'].concat(Array(200).fill('102 Processing\r\n\r\n')).join('HTTP/1.1 '),
  ],
  ['has no end of its head', `200 OK\r\nX: ${'y'.repeat(140_000)}\r\n\r\n`],
];

describe.each(proxies)('an answer that comes to %s', (_proxy, before) => {
  test.each(refused)('and %s is a 502', async (_what, answer) => {
    const { port } = await behind(before, (socket) => socket.end(`HTTP/1.1 ${answer}`));
    expect(await send(port, {})).toMatch(/^HTTP\/1\.1 502 /m);
  });

  test.each([
    ['breaks off', 'Content-Length: 100\r\n\r\nhalf', (socket: Socket) => void socket.end()],
    ['resets in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', reset],
    ['ends with its connection, and that is reset', '\r\nhalf', reset],
  ])('and %s never looks whole', async (_what, rest, end) => {
    const { port } = await behind(before, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${rest}`);
      setTimeout(() => end(socket), 50);
    });
    const got = await send(port, {});
    expect(got).toMatch(/^HTTP\/1\.1 200 /);
    // With neither a length that is reached nor a last chunk.
    expect(got).not.toMatch(/\r\n0\r\n/);
    expect(got).toMatch(/^(content-length: 100|transfer-encoding: chunked)\r$/im);
  });

  test('before all of its request was read reaches a client that goes on to send', async () => {
    const { port } = await behind(before, (socket) => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nfull');
      socket.resume();
    });
    const length = 5_000_000;
    const got = await send(port, {
      method: 'POST',
      lines: `Content-Length: ${length}\r\n`,
      body: 'x'.repeat(length),
    });
    expect(got).toMatch(/^HTTP\/1\.1 413 .*\r\n\r\nfull$/s);
    expect(valuesIn(got, 'connection')).toEqual(['close']);
  });
});

function reset(socket: Socket): void {
  socket.resetAndDestroy();
}
