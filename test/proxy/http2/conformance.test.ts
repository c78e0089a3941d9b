import { readFileSync, rmSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import {
  block,
  codeIn,
  dial,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  MAGIC,
  outcomeOf,
  type RawClient,
  type,
  word,
} from '../../helpers/http2-frames.ts';
import { until } from '../../helpers/until.ts';

/*
 * What a server has to do by RFC 9113 and RFC 7541, case by case. The door is held to it, but for cases that
 * Node's library does not leave to us: there it does as Node's own server does. Heads are in
 * smuggling.test.ts.
 */

let fleet: Fleet;
let door: number;
const folder = certificateFolder();
const files = makeCertificate(folder, ['localhost']);
const plain = createSecureServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) });
beforeAll(async () => {
  fleet = await startFleet();
  await fleet.serve('aaaaaa', (request, response) => {
    if (request.url !== '/hang') response.end('hello');
  });
  const secure = { certificates: [files], hstsSeconds: null };
  door = (await fleet.open(1, {}, null, secure)).port;
  plain
    .on('sessionError', () => {})
    .on('stream', (stream: ServerHttp2Stream, { ':path': path }) => {
      stream.on('error', () => {}).resume();
      if (path === '/hang') return;
      stream.respond();
      stream.end('hello');
    });
  await new Promise((resolve) => plain.listen(0, '127.0.0.1', () => resolve(null)));
});
afterAll(async () => {
  plain.close();
  await fleet.stop();
  rmSync(folder, { recursive: true });
});

const PADDED = 0x8;
const PRIORITY = 0x20;
const ACK = 1;
const MOST = 0x7fffffff;

const whole = (...parts: Buffer[]) => Buffer.concat(parts);
const bytes = (...of: number[]) => Buffer.from(of);
const fields = (method: string, path: string) =>
  block([
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'a'],
    [':path', path],
  ]);
const GET = fields('GET', '/');
const POST = fields('POST', '/');
const HANG = fields('GET', '/hang');
const ENDS = END_HEADERS | END_STREAM;

const headers = (of: Buffer, flags = ENDS, stream = 1) => frame(type.headers, flags, stream, of);
const continuation = (of: Buffer, flags = END_HEADERS, stream = 1) =>
  frame(type.continuation, flags, stream, of);
const data = (of: Buffer | string, flags = END_STREAM, stream = 1) =>
  frame(type.data, flags, stream, of);
const reset = (stream = 1) => frame(type.reset, 0, stream, word(8));
const window = (by: number, stream = 0) => frame(type.window, 0, stream, word(by));
const priority = (on: number, stream: number) =>
  frame(type.priority, 0, stream, whole(word(on), bytes(1)));
const setting = (id: number, value: number) => whole(bytes(0, id), word(value));
const settings = (...of: Buffer[]) => frame(type.settings, 0, 0, whole(...of));
const post = (...rest: Buffer[]) => whole(headers(POST, END_HEADERS), ...rest);
/** The reserved bit of the stream's number is to be ignored: §4.1. */
const reserved = (of: Buffer) => {
  of.writeUInt8(of.readUInt8(5) | 0x80, 5);
  return of;
};

interface Case {
  readonly title: string;
  readonly sent: Buffer;
  /** What may come of it. */
  readonly may: readonly string[];
}

const of = (title: string, sent: Buffer, ...may: string[]): Case => ({ title, sent, may });
const connection = (code: string) => [`GOAWAY ${code}`, 'closed'];
/** An error of a stream may be made one of the connection: §5.4.1. */
const stream = (code: string) => [`RST_STREAM ${code}`, ...connection(code)];
const fails = (title: string, sent: Buffer, code = 'PROTOCOL_ERROR') =>
  of(title, sent, ...connection(code));
const failsIn = (title: string, sent: Buffer, code = 'PROTOCOL_ERROR') =>
  of(title, sent, ...stream(code));
const works = (title: string, sent: Buffer) => of(title, sent, '200 hello');
const ignored = (title: string, sent: Buffer) => works(title, whole(sent, headers(GET)));

const FRAME_SIZE = 'FRAME_SIZE_ERROR';
const FLOW_CONTROL = 'FLOW_CONTROL_ERROR';
const STREAM_CLOSED = 'STREAM_CLOSED';
const COMPRESSION = 'COMPRESSION_ERROR';

const of4: readonly Case[] = [
  ignored('an unknown kind of frame', frame(0x16, 0, 0, 'anything')),
  ignored('an unknown kind of frame on a stream', frame(0xff, 0xff, 1, 'anything')),
  ignored('unknown flags of a PING', frame(type.ping, 0xfe, 0, '12345678')),
  works('the reserved bit of a HEADERS frame', reserved(headers(GET))),
  works('unknown flags of a HEADERS frame', headers(GET, ENDS | 0xc2)),
  works('a DATA frame of 16384 bytes', post(data(Buffer.alloc(16_384)))),
  failsIn('a DATA frame of 16385 bytes', post(data(Buffer.alloc(16_385))), FRAME_SIZE),
  fails('a HEADERS frame of 16385 bytes', headers(Buffer.alloc(16_385)), FRAME_SIZE),
  fails('an unknown frame of 16385 bytes', frame(0x16, 0, 0, Buffer.alloc(16_385)), FRAME_SIZE),
  fails('a head that is no HPACK', headers(bytes(0x40, 1)), COMPRESSION),
  fails('PRIORITY within a head', whole(headers(GET, END_STREAM), priority(0, 3))),
  fails('HEADERS of another stream within a head', whole(headers(GET, 0), headers(GET, ENDS, 3))),
  fails('an unknown frame within a head', whole(headers(GET, 0), frame(0x16, 0, 0, 'any'))),
  fails('PING within a head', whole(headers(GET, 0), frame(type.ping, 0, 0, '12345678'))),
];

const of5: readonly Case[] = [
  failsIn('DATA on an idle stream', data('abc')),
  fails('RST_STREAM on an idle stream', reset()),
  fails('WINDOW_UPDATE on an idle stream', window(100, 1)),
  fails('CONTINUATION on an idle stream', continuation(GET)),
  works('PRIORITY on an idle stream', whole(priority(0, 3), headers(GET))),
  failsIn('DATA behind the end of a stream', whole(headers(HANG), data('abc')), STREAM_CLOSED),
  failsIn('HEADERS behind the end of a stream', whole(headers(HANG), headers(GET)), STREAM_CLOSED),
  fails('CONTINUATION behind the end of a head', whole(headers(HANG), continuation(GET))),
  fails('a stream with an even number', headers(GET, ENDS, 2)),
  fails('a head of no stream', headers(GET, ENDS, 0)),
  failsIn(
    'more streams at once than are allowed',
    whole(...Array.from({ length: 101 }, (_, at) => headers(HANG, ENDS, 2 * at + 1))),
    'REFUSED_STREAM',
  ),
  failsIn(
    'a stream that depends on itself',
    headers(whole(word(1), bytes(1), GET), ENDS | PRIORITY),
  ),
  failsIn('a PRIORITY frame of a stream on itself', priority(3, 3)),
];

const of6: readonly Case[] = [
  fails('DATA of no stream', data('abc', END_STREAM, 0)),
  works(
    'DATA with padding',
    post(data(whole(bytes(3), Buffer.from('abc'), Buffer.alloc(3)), PADDED | 1)),
  ),
  works('DATA of padding alone', post(data(bytes(0), PADDED | END_STREAM))),
  fails(
    'padding as long as its DATA',
    post(data(bytes(4, 97, 0, 0), PADDED | END_STREAM)),
    'PROTOCOL_ERROR',
  ),
  of(
    'padded DATA of no byte',
    post(data('', PADDED | END_STREAM)),
    ...connection(FRAME_SIZE),
    ...connection('PROTOCOL_ERROR'),
  ),
  works('HEADERS with padding', headers(whole(bytes(2), GET, Buffer.alloc(2)), ENDS | PADDED)),
  works('HEADERS with a priority', headers(whole(word(0), bytes(200), GET), ENDS | PRIORITY)),
  fails('padding longer than its HEADERS', headers(bytes(9, 0x82), ENDS | PADDED)),
  fails(
    'HEADERS with a priority and no room for it',
    headers(bytes(0, 0), ENDS | PRIORITY),
    FRAME_SIZE,
  ),
  fails('PRIORITY of no stream', priority(1, 0)),
  failsIn('PRIORITY of 4 bytes', frame(type.priority, 0, 3, word(0)), FRAME_SIZE),
  failsIn('PRIORITY of 6 bytes', frame(type.priority, 0, 3, Buffer.alloc(6)), FRAME_SIZE),
  fails('RST_STREAM of no stream', reset(0)),
  fails('RST_STREAM of 3 bytes', post(frame(type.reset, 0, 1, Buffer.alloc(3))), FRAME_SIZE),
  fails('RST_STREAM of 5 bytes', post(frame(type.reset, 0, 1, Buffer.alloc(5))), FRAME_SIZE),
  ignored('an unknown setting', settings(setting(0xff, 1))),
  ignored('an acknowledgement of settings', frame(type.settings, ACK, 0)),
  ignored('settings in a frame that is empty', settings()),
  ignored('a header table of no byte', settings(setting(1, 0))),
  ignored('a header table of 4 GiB', settings(setting(1, 0xffffffff))),
  ignored('no stream for pushes', settings(setting(3, 0))),
  ignored('the largest window', settings(setting(4, MOST))),
  ignored('frames of 16777215 bytes', settings(setting(5, 16_777_215))),
  fails(
    'an acknowledgement of settings with settings',
    frame(type.settings, ACK, 0, setting(1, 1)),
    FRAME_SIZE,
  ),
  fails('settings of a stream', frame(type.settings, 0, 1, setting(1, 1))),
  fails('settings of 5 bytes', settings(Buffer.alloc(5)), FRAME_SIZE),
  fails('settings of 7 bytes', settings(Buffer.alloc(7)), FRAME_SIZE),
  fails('ENABLE_PUSH of 2', settings(setting(2, 2))),
  fails('an initial window of 2^31', settings(setting(4, MOST + 1)), FLOW_CONTROL),
  fails('frames of 16383 bytes', settings(setting(5, 16_383))),
  fails('frames of 16777216 bytes', settings(setting(5, 16_777_216))),
  fails('a promise of the client', frame(type.push, END_HEADERS, 1, whole(word(2), GET))),
  fails('PING of a stream', frame(type.ping, 0, 1, '12345678')),
  fails('PING of 7 bytes', frame(type.ping, 0, 0, '1234567'), FRAME_SIZE),
  fails('PING of 9 bytes', frame(type.ping, 0, 0, '123456789'), FRAME_SIZE),
  fails('GOAWAY of a stream', frame(type.goaway, 0, 1, Buffer.alloc(8))),
  fails('GOAWAY of 7 bytes', frame(type.goaway, 0, 0, Buffer.alloc(7)), FRAME_SIZE),
  fails('a window that grows by nothing', window(0)),
  failsIn('a window of a stream that grows by nothing', whole(headers(HANG), window(0, 1))),
  fails('WINDOW_UPDATE of 3 bytes', frame(type.window, 0, 0, Buffer.alloc(3)), FRAME_SIZE),
  fails('WINDOW_UPDATE of 5 bytes', frame(type.window, 0, 0, Buffer.alloc(5)), FRAME_SIZE),
  fails('a window over 2^31-1', whole(window(MOST), window(MOST)), FLOW_CONTROL),
  failsIn(
    'a window of a stream over 2^31-1',
    whole(headers(HANG), window(MOST, 1), window(MOST, 1)),
    FLOW_CONTROL,
  ),
  works(
    'a window that becomes negative, then is opened',
    whole(settings(setting(4, 3)), headers(GET), settings(setting(4, 0)), window(5, 1)),
  ),
  works(
    'a head in three frames',
    whole(
      headers(GET.subarray(0, 9), END_STREAM),
      continuation(GET.subarray(9, 20), 0),
      continuation(GET.subarray(20)),
    ),
  ),
  fails(
    'CONTINUATION of no stream',
    whole(headers(GET.subarray(0, 9), END_STREAM), continuation(GET.subarray(9), END_HEADERS, 0)),
  ),
  fails(
    'CONTINUATION of another stream',
    whole(headers(GET.subarray(0, 9), END_STREAM), continuation(GET.subarray(9), END_HEADERS, 3)),
  ),
  fails('CONTINUATION behind DATA', post(data('abc', 0), continuation(GET))),
  fails(
    'CONTINUATION behind a CONTINUATION that ends',
    whole(
      headers(HANG.subarray(0, 9), END_STREAM),
      continuation(HANG.subarray(9)),
      continuation(GET),
    ),
  ),
  fails('DATA within a head', whole(headers(GET.subarray(0, 9), 0), data('abc'))),
];

const of8: readonly Case[] = [
  works('GET', headers(GET)),
  works('POST', post(data('abc'))),
  works(
    'POST in pieces, some empty',
    post(data('', 0), data('a', 0), data('', 0), data('bc', 0), data('')),
  ),
  works('POST with trailers', post(data('abc', 0), headers(block([['x-sum', '1']])))),
  of('HEAD', headers(fields('HEAD', '/')), '200 '),
  failsIn(
    'trailers that do not end their stream',
    post(data('abc', 0), headers(block([['x-sum', '1']]), END_HEADERS)),
  ),
  failsIn(
    'trailers with a pseudo-header',
    post(data('abc', 0), headers(block([[':method', 'GET']]))),
  ),
  failsIn('a pseudo-header of answers', headers(whole(GET, block([[':status', '200']])))),
  failsIn('an unknown pseudo-header', headers(whole(block([[':x', '1']]), GET))),
  failsIn('a pseudo-header behind a line', headers(whole(block([['x-y', '1']]), GET))),
  failsIn('a name in upper case', headers(whole(GET, block([['X-Y', '1']])))),
  failsIn('Connection', headers(whole(GET, block([['connection', 'keep-alive']])))),
  failsIn('TE other than trailers', headers(whole(GET, block([['te', 'gzip']])))),
  failsIn(
    'no :method',
    headers(
      block([
        [':scheme', 'https'],
        [':path', '/'],
        [':authority', 'a'],
      ]),
    ),
  ),
  failsIn('an empty :path', headers(fields('GET', ''))),
  failsIn(
    'a length unlike its DATA',
    whole(headers(whole(POST, block([['content-length', '1']])), END_HEADERS), data('abc')),
  ),
  failsIn(
    'a length unlike its several DATA',
    whole(
      headers(whole(POST, block([['content-length', '1']])), END_HEADERS),
      data('ab', 0),
      data('c'),
    ),
  ),
];

/** `:method GET`, `:scheme https`, `:path /` of the static table. */
const COMMON = bytes(0x82, 0x87, 0x84);
const text = (value: string) => whole(bytes(value.length), Buffer.from(value));
const AUTHORITY = whole(COMMON, bytes(0x01), text('a'));
/** `www.example.com` by Huffman's code: RFC 7541 C.4.1. */
const EXAMPLE = Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex');
const line = (...of: number[]) => headers(whole(AUTHORITY, bytes(...of)));

const ofHpack: readonly Case[] = [
  works('lines of the static table', headers(AUTHORITY)),
  works('a literal that is kept', headers(whole(COMMON, bytes(0x41), text('a')))),
  works('a literal that is never to be kept', headers(whole(COMMON, bytes(0x11), text('a')))),
  works(
    'a literal with a new name',
    headers(whole(AUTHORITY, bytes(0x40), text('x-y'), text('1'))),
  ),
  works('Huffman’s code', headers(whole(COMMON, bytes(0x41, 0x80 | EXAMPLE.length), EXAMPLE))),
  works(
    'a line that an earlier head kept',
    whole(
      headers(whole(COMMON, bytes(0x41), text('a')), ENDS, 1),
      headers(whole(COMMON, bytes(0xbe)), ENDS, 3),
    ),
  ),
  works('a table that is made smaller', headers(whole(bytes(0x20), AUTHORITY))),
  works(
    'a table that is emptied and made larger',
    headers(whole(bytes(0x20, 0x3f, 0xe1, 0x1f), AUTHORITY)),
  ),
  works(
    'a length in several bytes',
    headers(
      whole(AUTHORITY, bytes(0x00), text('x-y'), bytes(0x7f, 0x80, 0x01), Buffer.alloc(255, 'a')),
    ),
  ),
  fails('the index 0', line(0x80), COMPRESSION),
  fails('an index of nothing', line(0xff, 0x20), COMPRESSION),
  fails('an index of nothing for a name', line(0x7f, 0x20, 0x01, 0x61), COMPRESSION),
  fails(
    'an index that is too large for a number',
    line(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    COMPRESSION,
  ),
  fails(
    'a table larger than is allowed',
    headers(whole(bytes(0x3f, 0xe2, 0x1f), AUTHORITY)),
    COMPRESSION,
  ),
  fails(
    'a size of the table behind a line',
    headers(whole(AUTHORITY, bytes(0x3f, 0xe1, 0x1f))),
    COMPRESSION,
  ),
  fails(
    'Huffman’s code with 8 bits of padding',
    headers(whole(COMMON, bytes(0x41, 0x80 | (EXAMPLE.length + 1)), EXAMPLE, bytes(0xff))),
    COMPRESSION,
  ),
  fails(
    'Huffman’s code padded by zeros',
    headers(whole(COMMON, bytes(0x41, 0x82, 0xf1, 0xe0))),
    COMPRESSION,
  ),
  fails(
    'Huffman’s code with its end in it',
    headers(whole(COMMON, bytes(0x41, 0x84, 0xff, 0xff, 0xff, 0xff))),
    COMPRESSION,
  ),
  fails('a text longer than its head', line(0x00, 0x7f, 0x61), COMPRESSION),
  fails('a length that does not end', line(0x00, 0x7f, 0xff), COMPRESSION),
  fails('a name without a value', line(0x40, 0x01, 0x61), COMPRESSION),
];

const HANGING = headers(fields('POST', '/hang'), END_HEADERS);

/**
 * What nghttp2 passes over without a word to Node, or Node ends by itself. RFC 9113 §5.1 lets a closed
 * stream's frames be passed over; RFC 7540 did not.
 */
const notOurs: readonly Case[] = [
  fails(
    'an initial window that makes one of a stream too large',
    whole(headers(HANG), window(MOST - 65_535, 1), settings(setting(4, 65_536))),
    FLOW_CONTROL,
  ),
  failsIn('DATA on a stream that was reset', whole(HANGING, reset(), data('abc')), STREAM_CLOSED),
  failsIn(
    'HEADERS on a stream that was reset',
    whole(HANGING, reset(), headers(HANG)),
    STREAM_CLOSED,
  ),
  fails(
    'a stream with a smaller number than the last',
    whole(headers(HANG, ENDS, 5), headers(HANG, ENDS, 3)),
  ),
  ignored('an acknowledgement of a PING that was not sent', frame(type.ping, ACK, 0, '12345678')),
];

const MARK = 'the mark';

/** Says what came of it, once all of it has been looked at: all that was sent before a PING is by its answer. */
async function outcome(
  port: number,
  sent: Buffer,
  first = whole(MAGIC, settings()),
): Promise<string> {
  const client = await dial(port, first);
  client.socket.write(whole(sent, frame(type.ping, 0, 0, MARK)));
  const isAnswer = ({ kind, payload }: Frame) => kind === type.ping && payload.toString() === MARK;
  const isSeen = () => client.frames.some(isAnswer);
  const has = (kind: number) => client.frames.some((each) => each.kind === kind);
  const isOver = () => client.closed || has(type.goaway) || has(type.reset) || isDone(client);
  await until('it is seen', () => isOver() || isSeen());
  // An answer takes its time; whatever waits for ever waits for the path that says so.
  if (sent.indexOf('/hang') === -1) await until('it is answered', isOver);
  client.socket.destroy();
  return inWords(client);
}

const isDone = ({ frames }: RawClient) => outcomeOf(frames).ended;

function inWords({ frames, closed }: RawClient): string {
  const end = frames.find(({ kind }) => kind === type.goaway || kind === type.reset);
  if (end) return `${end.kind === type.goaway ? 'GOAWAY' : 'RST_STREAM'} ${codeIn(end)}`;
  const { status, body, ended } = outcomeOf(frames);
  if (ended) return `${status} ${body}`;
  return closed ? 'closed' : 'nothing';
}

const rows = (cases: readonly Case[]) => cases.map((each) => [each.title, each] as const);

describe('by RFC 9113', () => {
  test.each(rows(of4))('§4: %s', async (_title, { sent, may }) => {
    expect(may).toContain(await outcome(door, sent));
  });

  test.each(rows(of5))('§5: %s', async (_title, { sent, may }) => {
    expect(may).toContain(await outcome(door, sent));
  });

  test.each(rows(of6))('§6: %s', async (_title, { sent, may }) => {
    expect(may).toContain(await outcome(door, sent));
  });

  test.each(rows(of8))('§8: %s', async (_title, { sent, may }) => {
    expect(may).toContain(await outcome(door, sent));
  });

  test.each(rows(ofHpack))('RFC 7541: %s', async (_title, { sent, may }) => {
    expect(may).toContain(await outcome(door, sent));
  });

  test.each(rows(notOurs))('as Node’s own server: %s', async (_title, { sent }) => {
    const own = await outcome(
      plain.address() === null ? 0 : (plain.address() as AddressInfo).port,
      sent,
    );
    expect([own, 'closed', 'GOAWAY PROTOCOL_ERROR']).toContain(await outcome(door, sent));
  });
});
