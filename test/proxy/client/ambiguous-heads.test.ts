import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchange } from '../../helpers/clients.ts';
import {
  type Fleet,
  type OpenDoor,
  startFleet,
  type TestServer,
} from '../../helpers/door-fleet.ts';

let fleet: Fleet;
let server: TestServer;
let open: OpenDoor;
beforeAll(async () => {
  fleet = await startFleet();
  server = await fleet.serve('aaaaaa');
  open = await fleet.open(1);
});
afterAll(() => fleet.stop());

const HOST = 'Host: a\r\n';
const get = (lines: string, target = '/x') => `GET ${target} HTTP/1.1\r\n${lines}\r\n`;
const post = (lines: string, body = '') => `POST /x HTTP/1.1\r\n${HOST}${lines}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);
const CHUNKS = '0\r\n\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';

const refused: [name: string, status: RegExp, bytes: string][] = [
  ['no Host', /400/, get('')],
  ['no Host, and garbage behind it', /400/, `${get('')}GARBAGE\r\n\r\n`],
  ['no Host, twice', /400/, get('').repeat(2)],
  ['no Host, with a body', /400/, 'POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde'],
  ['no Host, and an expectation', /400/, get('Expect: 100-continue\r\nContent-Length: 5\r\n')],
  ['no Host, and bananas expected', /400/, get('Expect: banana\r\n')],
  ['no Host, and an asterisk', /400/, 'OPTIONS * HTTP/1.1\r\n\r\n'],
  ['no Host, and a WebSocket', /400/, get('Connection: Upgrade\r\nUpgrade: websocket\r\n')],
  ['two different Hosts', /400/, get(`${HOST}Host: b\r\n`)],
  ['the same Host twice', /400/, get(HOST + HOST)],
  ['an empty Host', /400/, get('Host: \r\n')],
  ['a list as Host', /400/, get('Host: a, b\r\n')],
  ['a user in Host', /400/, get('Host: u@h\r\n')],
  ['a path in Host', /400/, get('Host: h/p\r\n')],
  ['a port that cannot be in Host', /400/, get('Host: h:99999\r\n')],
  [
    'length and chunked',
    /400/,
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', CHUNKS + SMUGGLED),
  ],
  ['two lengths', /400/, post('Content-Length: 5\r\nContent-Length: 10\r\n', 'abcdefghij')],
  ['the same length twice', /400/, post('Content-Length: 5\r\nContent-Length: 5\r\n', 'abcde')],
  ['a list of lengths', /400/, post('Content-Length: 5, 5\r\n', 'abcde')],
  ['a signed length', /400/, post('Content-Length: +5\r\n', 'abcde')],
  ['a negative length', /400/, post('Content-Length: -1\r\n')],
  ['a hexadecimal length', /400/, post('Content-Length: 0x5\r\n', 'abcde')],
  ['a length of 20 digits', /400/, post('Content-Length: 99999999999999999999\r\n')],
  ['an empty length', /400/, post('Content-Length: \r\n')],
  ['coding xchunked', /501/, post('Transfer-Encoding: xchunked\r\n', CHUNKS)],
  ['coding chunked-too', /501/, post('Transfer-Encoding: chunked-too\r\n', CHUNKS)],
  ['two unknown codings', /501/, post('Transfer-Encoding: foo;a=b, bar\r\n', CHUNKS)],
  ['gzip before chunked', /501/, post('Transfer-Encoding: gzip, chunked\r\n', CHUNKS)],
  [
    'an unknown coding and bananas expected',
    /501/,
    post('Transfer-Encoding: foo\r\nExpect: banana\r\n', CHUNKS),
  ],
  ['chunked and an unknown coding', /400/, post('Transfer-Encoding: chunked, foo\r\n', CHUNKS)],
  ['chunked with a parameter', /400/, post('Transfer-Encoding: chunked;a=b\r\n', CHUNKS)],
  ['chunked twice in one line', /400/, post('Transfer-Encoding: chunked, chunked\r\n', CHUNKS)],
  ['two words as a coding', /400/, post('Transfer-Encoding: foo bar\r\n', CHUNKS)],
  ['a quoted coding', /400/, post('Transfer-Encoding: "chunked"\r\n', CHUNKS)],
  ['a list of codings with a gap', /400/, post('Transfer-Encoding: foo,,bar\r\n', CHUNKS)],
  [
    'an unknown coding in HTTP/1.0',
    /400/,
    `POST /x HTTP/1.0\r\n${HOST}Transfer-Encoding: foo\r\n\r\n`,
  ],
  ['coding identity', /400/, post('Transfer-Encoding: identity\r\n')],
  ['chunked before identity', /400/, post('Transfer-Encoding: chunked, identity\r\n', CHUNKS)],
  [
    'chunked twice',
    /400/,
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
  ],
  ['an empty coding', /400/, post('Transfer-Encoding: \r\n', CHUNKS)],
  ['a space before the colon', /400/, post('Transfer-Encoding : chunked\r\n', CHUNKS)],
  ['chunked in HTTP/1.0', /400/, `POST /x HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  ['a folded line', /400/, get(`${HOST}X: a\r\n b\r\n`)],
  ['a folded first line', /400/, `GET /x HTTP/1.1\r\n X: a\r\n${HOST}\r\n`],
  ['bare line feeds', /400/, 'GET /x HTTP/1.1\nHost: a\n\n'],
  ['a bare line feed in the head', /400/, get('Host: a\nX: y\r\n')],
  ['a bare carriage return', /400/, get('Host: a\rX: y\r\n')],
  ['a NUL in a value', /400/, get(`${HOST}X: a\0b\r\n`)],
  ['a NUL in a name', /400/, get(`${HOST}X\0Y: a\r\n`)],
  ['a control character in a value', /400/, get(`${HOST}X: a\x01b\r\n`)],
  ['an asterisk for GET', /400/, get(HOST, '*')],
  ['half an address', /400/, get(HOST, 'http://[::1')],
  ['a fragment', /400/, get(HOST, '/a#b')],
  ['a target that is no path', /400/, get(HOST, 'foo')],
  ['a space in the target', /400/, get(HOST, '/a b')],
  ['a target over 16 KiB', /414/, get(HOST, `/${'a'.repeat(20_000)}`)],
  [
    'a head over 16 KiB',
    /431/,
    get(`${HOST}${'X: '.padEnd(1_000, 'y')}\r\n`.concat(`X: ${'y'.repeat(20_000)}\r\n`)),
  ],
  ['more than 100 lines', /431/, get(HOST + 'X: y\r\n'.repeat(100))],
  ['1,500 short lines', /431/, post(`${'a:\r\n'.repeat(1_500)}Content-Length: 5\r\n`, 'abcde')],
  ['TRACE', /405/, `TRACE /x HTTP/1.1\r\n${HOST}\r\n`],
  ['CONNECT', /405/, `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`],
  ['an expectation of bananas', /417/, get(`${HOST}Expect: banana\r\nConnection: close\r\n`)],
  ['an HTTP/2 preface', /400|505/, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/9.9', /400|505/, `GET /x HTTP/9.9\r\n${HOST}\r\n`],
  ['HTTP/2.0 in a request line', /400|505/, `GET /x HTTP/2.0\r\n${HOST}\r\n`],
  ['HTTP/0.9', /400|505/, 'GET /x\r\n\r\n'],
  ['a TLS hello', /400/, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['random bytes', /400/, '\xde\xad\xbe\xef\r\n\r\n'],
];

test.each(refused)(
  '%s is refused, the connection closed, nothing reaches a server',
  async (_name, status, bytes) => {
    const before = server.seen.length;
    const text = await exchange(open.port, bytes);
    expect(text.slice(0, 40)).toMatch(/^HTTP\/1\.1 \d{3} /);
    expect(text.slice(9, 12)).toMatch(status);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(text).toMatch(/^Date: \w{3}, \d\d .* GMT\r$/m);
    expect(/^Allow: GET, /m.test(text)).toBe(text.startsWith('HTTP/1.1 405'));
    expect(text).toMatch(/\r\n\r\n.+\n$/);
    expect(server.seen.length).toBe(before);
  },
);

const brokenChunks: [name: string, body: string][] = [
  ['0x5', '0x5\r\nabcde\r\n'],
  ['+5', '+5\r\nabcde\r\n'],
  ['5_0', '5_0\r\nabcde\r\n'],
  ['-1', '-1\r\nabcde\r\n'],
  ['17 F', `${'F'.repeat(17)}\r\nabcde\r\n`],
  ['5 and a bare line feed', '5\nabcde\n'],
  ['5 and a bare line feed in an extension', '5;a\nb\r\nabcde\r\n'],
];

test.each(brokenChunks)(
  'a chunk size of %s ends the request with 400, and no server gets a whole one',
  async (_size, body) => {
    const whole = server.requests.filter(({ complete }) => complete).length;
    const text = await exchange(open.port, chunked(`${body}${CHUNKS}${SMUGGLED}`));
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(server.requests.filter(({ complete }) => complete).length).toBe(whole);
    expect(server.seen.join()).not.toContain('smuggled');
  },
);

test('a request without Host is told once, in the log too, whatever else is wrong with it', async () => {
  for (const more of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n', 'Expect: banana\r\n']) {
    const before = open.answers.length;
    const text = await exchange(open.port, `${get(more, '/nohost')}GARBAGE\r\n\r\n`);
    expect(text).toMatch(/\r\n\r\na request has one Host\n$/);
    expect(open.answers.slice(before)).toMatchObject([
      { method: 'GET', path: '/nohost', status: 400, trouble: 'a request has one Host' },
    ]);
  }
});

test('CONNECT behind an unanswered request is refused after its answer', async () => {
  const text = await exchange(open.port, `${get(HOST)}CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`);
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 405']);
});

const asking = (protocol: string) => (bytes: string) =>
  bytes.replace(/\r\n/, `\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`);
const overHttp2 = asking('h2c');
const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const overWebSocket = asking(`websocket\r\n${key}`);

test('each ambiguous head is refused with a request to upgrade in it as well', async () => {
  const before = server.seen.length;
  for (const [name, status, bytes] of refused) {
    for (const asks of [overHttp2, overWebSocket]) {
      const text = await exchange(open.port, asks(bytes));
      expect(`${name}: ${text.slice(0, 12)}`).toMatch(
        new RegExp(`: HTTP/1\\.1 (?:${status.source})$`),
      );
      expect(`${name}: ${text.match(/HTTP\/1\.1 /g)?.length}`).toBe(`${name}: 1`);
    }
  }
  expect(server.seen.length).toBe(before);
});

test('broken chunks behind a request to upgrade are a 400 too, and no server gets a whole request', async () => {
  const whole = server.requests.filter(({ complete }) => complete).length;
  const all = brokenChunks.map(([, body]) => overHttp2(chunked(`${body}${CHUNKS}${SMUGGLED}`)));
  for (const text of await Promise.all(all.map((bytes) => exchange(open.port, bytes)))) {
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 400']);
  }
  expect(server.requests.filter(({ complete }) => complete).length).toBe(whole);
  expect(server.seen.join()).not.toContain('smuggled');
});

test('100 GETs in one packet are answered in their order', async () => {
  const before = server.seen.length;
  const bytes = Array.from({ length: 100 }, (_, at) => get(HOST, `/${at}`)).join('');
  const text = await exchange(
    open.port,
    bytes,
    (all) => (all.match(/HTTP\/1\.1 200/g) ?? []).length === 100,
  );
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(100);
  expect(server.seen.slice(before)).toHaveLength(100);
});

test('a GET followed by garbage gets its answer, then a 400', async () => {
  const text = await exchange(open.port, `${get(HOST)}GARBAGE\r\n\r\n`);
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
});

test('bytes behind a body are a new request, and a bad one', async () => {
  const text = await exchange(open.port, post('Content-Length: 3\r\n', 'abcXYZ\r\n\r\n'));
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
});

test('trailers of a request are not merged into its head', async () => {
  const body = `3\r\nabc\r\n0\r\nX-Late: 1\r\nHost: evil\r\n\r\n`;
  const text = await exchange(open.port, chunked(body), (all) => all.includes('hello'));
  expect(text).toMatch(/^HTTP\/1\.1 200 /);
  expect(server.requests.at(-1)?.headers).not.toHaveProperty('x-late');
  expect(server.requests.at(-1)?.headers.host).toBe('a');
});
