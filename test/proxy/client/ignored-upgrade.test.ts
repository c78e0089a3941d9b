import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchange } from '../../helpers/clients.ts';
import {
  type Fleet,
  type OpenDoor,
  startFleet,
  type TestServer,
} from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
let server: TestServer;
let open: OpenDoor;
const held: (() => void)[] = [];
beforeAll(async () => {
  fleet = await startFleet();
  server = await fleet.serve('aaaaaa', (request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString('latin1');
    });
    request.once('end', () => {
      const answer = () =>
        response.end(`[${request.method} ${request.url} ${body.length} ${body.slice(0, 9)}]`);
      if (request.url === '/held') held.push(answer);
      else answer();
    });
  });
  open = await fleet.open(1);
});
afterAll(() => fleet.stop());

const LAST = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const asks = (protocol: string, lines: string, body: string, target = '/x') =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n${lines}\r\n${body}`;
const withLength = (protocol = 'h2c') => asks(protocol, 'Content-Length: 4\r\n', 'meow');
const inChunks = asks('h2c', 'Transfer-Encoding: chunked\r\n', '4\r\nmeow\r\n0\r\n\r\n');
const bodies = (text: string) => text.match(/\[[^\]]*\]/g);

test.each([
  ['a length', withLength()],
  ['chunks', inChunks],
  ['TLS', withLength('TLS/1.2')],
  ['nobody’s protocol', withLength('foo/2')],
  ['a list of protocols', withLength('h2c, foo/2')],
  ['chunks and a question first', inChunks.replace('Host', 'Expect: 100-continue\r\nHost')],
])(
  'an upgrade that is ignored, with %s, is an ordinary request, and its connection stays',
  async (_what, bytes) => {
    const before = server.requests.length;
    const text = await exchange(open.port, bytes + bytes + LAST);
    expect(bodies(text)).toEqual(['[POST /x 4 meow]', '[POST /x 4 meow]', '[GET /last 0 ]']);
    const [, second] = server.requests.slice(before);
    for (const name of ['upgrade', 'http2-settings'])
      expect(second?.headers).not.toHaveProperty(name);
  },
);

test('an upgrade that is ignored, without a body, is an ordinary request too, also in HTTP/1.0', async () => {
  const get = asks('h2c', '', '').replace('POST', 'GET');
  expect(bodies(await exchange(open.port, get + get + LAST))).toHaveLength(3);
  const old = get.replace('HTTP/1.1', 'HTTP/1.0');
  expect(bodies(await exchange(open.port, old))).toEqual(['[GET /x 0 ]']);
});

test('many ignored upgrades on one connection, byte by byte, with large bodies, are answered in order and leave no listener', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const large = 'y'.repeat(200_000);
  const one = asks('h2c', `Content-Length: ${large.length}\r\n`, large);
  const bytes = Array.from({ length: 20 }, (_, at) => (at % 5 ? inChunks : one)).join('') + LAST;
  const client = connect({ port: open.port, host: '127.0.0.1', noDelay: true });
  let text = '';
  client.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  const closed = new Promise((resolve) => client.once('close', resolve));
  for (let at = 0; at < bytes.length; at += at < 400 ? 1 : 50_000) {
    await new Promise((done) => client.write(bytes.slice(at, at + (at < 400 ? 1 : 50_000)), done));
  }
  await closed;
  const sizes = bodies(text)?.map((body) => Number(body.split(' ')[2]));
  expect(sizes).toEqual([...Array.from({ length: 20 }, (_, at) => (at % 5 ? 4 : 200_000)), 0]);
  expect(warnings).toEqual([]);
  process.off('warning', warned);
});

test('an ignored upgrade behind unanswered requests waits for their answers', async () => {
  const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const bytes = get('/held') + get('/2') + withLength() + get('/4') + inChunks + LAST;
  const answered = exchange(open.port, bytes);
  await until('the first is there', () => held.length === 1);
  held.pop()?.();
  expect(bodies(await answered)?.map((body) => body.split(' ')[1])).toEqual([
    ...['/held', '/2', '/x', '/4', '/x', '/last'],
  ]);
});

test('a client that leaves while its ignored upgrade waits takes its requests along', async () => {
  const bytes = `GET /held HTTP/1.1\r\nHost: a\r\n\r\n${withLength()}`;
  const client = connect(open.port, '127.0.0.1', () => client.write(bytes));
  await until('the first is there', () => held.length === 1);
  client.on('error', () => {}).resetAndDestroy();
  await until('the door holds nothing', () => open.door.servers()[0]?.inflight === 0);
  held.pop();
});

test('an ignored upgrade whose body does not come is a 408, like any other request', async () => {
  const { port } = await fleet.open(1, { clientRequestMs: 500, clientHeaderMs: 500 });
  const text = await exchange(port, asks('h2c', 'Content-Length: 9\r\n', 'meow'));
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
});

test('what comes behind the body of an ignored upgrade and is no request is a 400, after its answer', async () => {
  const text = await exchange(open.port, `${withLength()}GARBAGE\r\n\r\n`);
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
});

test('a client that resets behind a slow answer, with such an upgrade pipelined, ends nothing', async () => {
  const body = 'x'.repeat(300_000);
  const get = 'GET /held HTTP/1.1\r\nHost: a\r\n\r\n';
  const upgrade = asks('h2c', `Content-Length: ${body.length}\r\n`, body);
  for (let at = 0; at < 20; at += 1) {
    const before = held.length;
    const client = connect(open.port, '127.0.0.1');
    client.on('error', () => {});
    client.write(get + upgrade);
    await until('the first is on its way', () => held.length > before);
    client.resetAndDestroy();
    held.at(-1)?.();
  }
  expect(bodies(await exchange(open.port, LAST))).toEqual(['[GET /last 0 ]']);
});
