import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { exchange, type RawServer, startRaw } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';

let fleet: Fleet;
const raws: RawServer[] = [];
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(async () => {
  await fleet.clear();
  for (const raw of raws.splice(0)) await raw.stop();
});
afterAll(() => fleet.stop());

const FINAL = 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 3\r\n\r\nabc';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n';
const SERVED = 'X-Served-By: aaaaaa\r\n';
const seen = (text: string) => text.match(/HTTP\/1\.1 \d{3}/g)?.map((status) => status.slice(-3));

/** A server that answers each whole head with these bytes, then does `after`. */
async function serve(bytes: string, after: 'stay' | 'reset' = 'stay', id = 'aaaaaa') {
  const raw = await startRaw((socket, text) => {
    if (!text.endsWith('\r\n\r\n')) return;
    socket.write(bytes, 'latin1', () => after === 'reset' && socket.resetAndDestroy());
  });
  raws.push(raw);
  await fleet.register({ id, port: raw.port, url: `http://127.0.0.1:${raw.port}` });
  return raw;
}

const get = (version = '1.1', more = '') =>
  `GET / HTTP/${version}\r\nHost: a\r\n${more}Connection: close\r\n\r\n`;
const head = () => get().replace('GET', 'HEAD');
const expecting = () =>
  `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`;

describe.each([
  ['a request', get],
  ['a HEAD', head],
  ['a request that expects 100-continue', expecting],
])('an interim answer to %s', (_what, request) => {
  test('goes on to the client, in order, by the rules for all answers', async () => {
    const private_ =
      'Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Served-By: me\r\n';
    const framing = 'Content-Length: 3\r\nTrailer: X\r\nUpgrade: x\r\n';
    await serve(
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\nLink: </\xe9>\r\n${private_}${framing}\r\nHTTP/1.1 199 \r\nX-A: 1\r\n\r\n${FINAL}`,
    );
    const { port } = await fleet.open(1);
    const text = await exchange(port, request());
    const [processing, hints, odd, final] = text.split(/(?<=\r\n\r\n)/);
    expect(processing).toBe(`HTTP/1.1 102 Processing\r\n${SERVED}\r\n`);
    expect(hints).toBe(`HTTP/1.1 103 Hints\r\nLink: </a>\r\nLink: </\xe9>\r\n${SERVED}\r\n`);
    expect(odd).toBe(`HTTP/1.1 199 \r\nX-A: 1\r\n${SERVED}\r\n`);
    expect(final).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text.endsWith('abc')).toBe(request !== head);
  });

  test('is not one of too many: those are a 502', async () => {
    await serve(HINTS.repeat(3) + FINAL);
    const { port } = await fleet.open(1, { maxInterimAnswers: 3 });
    expect(seen(await exchange(port, request()))).toEqual(['103', '103', '103', '200']);
    const strict = await fleet.open(1, { maxInterimAnswers: 2 });
    expect(seen(await exchange(strict.port, request()))).toEqual(['103', '103', '502']);
  });

  test('is never a 101, which is a 502', async () => {
    await serve(`HTTP/1.1 101 X\r\n\r\n${FINAL}`);
    const { port } = await fleet.open(1);
    expect(seen(await exchange(port, request()))).toEqual(['502']);
  });

  test('is the beginning of that server’s answer: what breaks then is not tried on another', async () => {
    const broken = await serve(HINTS, 'reset');
    await serve(HINTS, 'reset', 'bbbbbb');
    const { port } = await fleet.open(2);
    expect(seen(await exchange(port, request()))).toEqual(['103', '502']);
    const all = [broken, ...raws.slice(1)].map((raw) => raw.received()).join('');
    expect(all.match(/(GET|HEAD|POST) \/ /g)).toHaveLength(1);
  });

  test('comes once, from the server that took the connection', async () => {
    const gone = await serve('');
    const { port } = await fleet.open(1);
    await gone.stop();
    await serve(HINTS + FINAL, 'stay', 'bbbbbb');
    await expect.poll(async () => seen(await exchange(port, request()))).toEqual(['103', '200']);
  });
});

test('an interim answer is not for a client of HTTP/1.0', async () => {
  await serve(HINTS + FINAL);
  const { port } = await fleet.open(1);
  expect(seen(await exchange(port, get('1.0')))).toEqual(['200']);
});

test('a 100 comes to who expects it, among the other interim answers', async () => {
  await serve(`${HINTS}HTTP/1.1 100 Continue\r\n\r\n${HINTS}${FINAL}`);
  const { port } = await fleet.open(1);
  const text = await exchange(port, expecting());
  expect(seen(text)).toEqual(['103', '100', '103', '200']);
});

test('interim answers wait for the answers to earlier requests of the connection', async () => {
  const ends: (() => void)[] = [];
  await fleet.serve('aaaaaa', (request, response) => {
    if (request.url === '/slow') return void ends.push(() => response.end('slow'));
    response.writeProcessing();
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end('fast', () => ends.pop()?.());
  });
  const { port } = await fleet.open(1);
  const slow = 'GET /slow HTTP/1.1\r\nHost: a\r\n\r\n';
  const text = await exchange(port, slow + get());
  expect(seen(text)).toEqual(['200', '102', '103', '200']);
  expect(text).toMatch(/slow.*fast/s);
});

test('a WebSocket’s handshake has interim answers too, before its 101', async () => {
  await serve(`${HINTS}HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n`);
  const { port } = await fleet.open(1);
  const lines =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  const text = await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, (all) =>
    all.includes('403'),
  );
  expect(seen(text)).toEqual(['103', '403']);
  expect(text).toContain(`Link: </a>; rel=preload\r\n${SERVED}\r\n`);
  await fleet.clear();
  await serve(HINTS.repeat(2));
  const strict = await fleet.open(1, { maxInterimAnswers: 1 });
  const refused = await exchange(strict.port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  expect(seen(refused)).toEqual(['103', '502']);
});
