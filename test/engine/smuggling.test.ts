import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../helpers/certificates.ts';
import { type Fleet, startFleet } from '../helpers/door-fleet.ts';
import { type EngineSite, openEngineSite, used } from '../helpers/engine-site.ts';
import {
  answered,
  type Case,
  ended,
  leftOut,
  passed,
  replaced,
  START,
} from '../helpers/http2-cases.ts';
import { speak } from '../helpers/http2-frames.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { type RecordingServer, startRecording } from '../helpers/recording-server.ts';

/*
 * The cases of test/proxy/http2/smuggling.test.ts before HAProxy: whatever it answers, no server sees
 * more than the one request that was sent, and nothing that only the door may say.
 */

let fleet: Fleet;
let site: EngineSite;
let server: RecordingServer;
const folder = certificateFolder();
const isHere = needs.haproxy.isHere();

beforeAll(async () => {
  if (!isHere) return;
  fleet = await startFleet();
  site = await openEngineSite(fleet);
  const door = await site.open({ certificates: [makeCertificate(folder, ['localhost'])] });
  server = await startRecording('aaaaaa');
  const { port } = server;
  await fleet.register({ id: 'aaaaaa', port, url: `http://127.0.0.1:${port}` });
  await used(door, 'aaaaaa');
});
afterAll(async () => {
  await site?.close();
  await fleet?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true });
});

/** Left out with the other trailers by the embedded door. */
const REFUSED = 'a host in trailers';
const CHUNKED = 'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
const LENGTH_5 = 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde';
const WITH_KEY = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==';

/** What the embedded door refuses and HAProxy does not, and what its server sees of that: docs/operations.md. */
const differing: Readonly<Record<string, string>> = {
  ':protocol': `${START}\r\n`,
  'CONNECT of a WebSocket':
    'GET /x HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nhost: a\r\n\r\n',
  ':authority http://a': 'GET //a/x HTTP/1.1\r\nhost: http\r\n\r\n',
  'an empty host': `${START}\r\n`,
  'host twice': `${START}\r\n`,
  'host alone, twice': `${START}\r\n`,
  'another host': `${START}\r\n`,
  'another port': `${START}\r\n`,
  'content-length 5,5': LENGTH_5,
  'content-length twice, the same': LENGTH_5,
  'without a body, content-length 5': `${START}\r\n`,
  'without a body, content-length 005': `${START}\r\n`,
  ':scheme HTTPS': `${START}\r\n`,
  'Max-Forwards that is no number': `OPTIONS /x HTTP/1.1\r\nhost: a\r\nmax-forwards: x\r\n\r\n`,
  ':method get': 'get /x HTTP/1.1\r\nhost: a\r\n\r\n',
  ':method FOO': 'FOO /x HTTP/1.1\r\nhost: a\r\n\r\n',
  ':method *': '* /x HTTP/1.1\r\nhost: a\r\n\r\n',
  [`the line ${WITH_KEY}`]: `${START}${WITH_KEY}\r\n\r\n`,
  'the line sec-websocket-version: 13': `${START}sec-websocket-version: 13\r\n\r\n`,
  'the value  1': `${START}x-y:  1\r\n\r\n`,
  'the value 1 ': `${START}x-y: 1 \r\n\r\n`,
  'the value \\t1': `${START}x-y: \t1\r\n\r\n`,
  'the value  ': `${START}x-y:  \r\n\r\n`,
  'the line expect: 100-continue': `${START}expect: 100-continue\r\n\r\n`,
  'trailers, left out': `${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n`,
};

/** Its client ends the stream at once: to HAProxy it has left. */
const LEAVES = 'CONNECT of a WebSocket';

const goesOn = new Map(Object.entries(differing));
const own = answered.flatMap(([, cases]) => cases);
const refused = [...ended, ...own, ...leftOut].filter(([title]) => !goesOn.has(title));
const sentOn: readonly (readonly [...Case, request: string])[] = [
  ...replaced.map(([title, bytes]) => [title, bytes, `${START}\r\n`] as const),
  ...passed.filter(([title]) => title !== REFUSED),
  ...[...ended, ...own, ...leftOut].map(([title, bytes]) => [title, bytes, ''] as const),
].flatMap(([title, bytes, request]) => {
  const seen = goesOn.get(title) ?? request;
  return seen === '' ? [] : [[title, bytes, seen] as const];
});

const CHUNK = /^([0-9a-f]+)\r\n/;
const DOORS_OWN =
  /(?:x-forwarded-for: 127\.0\.0\.1|x-forwarded-proto: https|x-forwarded-host: (?:a|http|\[::1\]:80)|x-request-id: ([\w-]+)\r\nmeow-attempt: \1|Sec-Websocket-Key: [\w+/=]{24}|via: 2 meow-[a-z2-9]{6})\r\n/g;

async function send(bytes: Buffer) {
  const before = server.requests.length;
  const outcome = await speak(site.port, bytes);
  const seen = server.requests.slice(before).map((request) => request.replace(DOORS_OWN, ''));
  return { outcome, seen };
}

/** HAProxy cuts a body into chunks as it comes. */
function inOneChunk(request: string): string {
  const [head = '', ...rest] = request.split(/(?<=\r\n\r\n)/);
  if (!/\r\ntransfer-encoding: chunked/.test(head)) return request;
  let [body, left] = ['', rest.join('')];
  for (let found = CHUNK.exec(left); found; found = CHUNK.exec(left)) {
    const [line, size = ''] = found;
    const end = line.length + Number.parseInt(size, 16);
    if (end === line.length) break;
    body += left.slice(line.length, end);
    left = left.slice(end + 2);
  }
  return `${head}${body.length.toString(16)}\r\n${body}\r\n${left}`;
}

const onHaproxy = (name: string, run: () => unknown) => testWith(needs.haproxy, name, run);

describe('over HTTP/2 no server behind HAProxy sees a request of', () => {
  for (const [title, bytes] of refused) {
    onHaproxy(title, async () => {
      const { outcome, seen } = await send(bytes);
      if (outcome.status === 0) {
        expect(`${outcome.reset}${outcome.goaway}`).toMatch(/_ERROR|NO_ERROR/);
      } else {
        expect(outcome.status).toBeOneOf([400, 405, 417, 431, 508]);
        expect(outcome.body).toMatch(/^\w.*\n$/);
      }
      expect(seen).toEqual([]);
    });
  }

  onHaproxy('anything that was in the body of another, or behind it', () => {
    expect(server.requests.filter((request) => /^\w+ \/smuggled/.test(request))).toEqual([]);
    expect(server.unread()).not.toMatch(/(?:^|\n)GET \/smuggled/);
  });
});

describe('over HTTP/2 and HAProxy goes on as one request of HTTP/1', () => {
  for (const [title, bytes, request] of sentOn.filter(([title]) => title !== LEAVES)) {
    onHaproxy(title, async () => {
      const { outcome, seen } = await send(bytes);
      expect(outcome).toMatchObject({ status: 200, body: 'ok' });
      expect(seen.map(inOneChunk)).toEqual([inOneChunk(request)]);
    });
  }

  // The last one: its server may hear of it a moment later.
  onHaproxy(`${LEAVES}, or as none where its client has ended it before`, async () => {
    const before = server.requests.length;
    const [, bytes = Buffer.alloc(0)] = sentOn.find(([title]) => title === LEAVES) ?? [];
    const { outcome } = await send(bytes);
    expect([outcome.status, outcome.body]).toEqual([400, 'the request makes no sense\n']);
    expect(server.requests.length - before).toBeLessThanOrEqual(1);
  });

  test('all that is said to differ', () => {
    expect(sentOn.length + refused.length).toBeGreaterThan(250);
    const titles = sentOn.map(([title]) => title);
    expect([...goesOn.keys()].filter((title) => !titles.includes(title))).toEqual([]);
  });
});
