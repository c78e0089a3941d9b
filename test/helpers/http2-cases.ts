import {
  block,
  END_HEADERS,
  END_STREAM,
  type Field,
  frame,
  headers,
  type,
} from './http2-frames.ts';

/*
 * What clients of HTTP/2 send that must not become a request of HTTP/1 by itself, as bytes, and what
 * the embedded door makes of each.
 */

export type Case = readonly [title: string, bytes: Buffer];

const GET: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/x'],
];
const but = (name: string, value: string, of = GET): Field[] =>
  of.map((field) => (field[0] === name ? [name, value] : field));
const without = (name: string, of = GET): Field[] => of.filter((field) => field[0] !== name);
const POST = but(':method', 'POST');
const hostAlone = (...hosts: string[]) =>
  headers([...without(':authority'), ...hosts.map((host): Field => ['host', host])]);

const data = (text: string, flags = END_STREAM) => frame(type.data, flags, 1, text);
const get = (...more: Field[]) => headers([...GET, ...more]);
const whole = (...parts: Buffer[]) => Buffer.concat(parts);
const withBody = (fields: readonly Field[], ...pieces: string[]) =>
  whole(
    headers(fields, END_HEADERS),
    ...pieces.map((piece, at) => data(piece, at === pieces.length - 1 ? END_STREAM : 0)),
  );
const post = (more: readonly Field[], ...pieces: string[]) =>
  withBody([...POST, ...more], ...pieces);
const withTrailers = (fields: readonly Field[], flags = END_HEADERS | END_STREAM) =>
  whole(headers(POST, END_HEADERS), data('abc', 0), headers(fields, flags));

const largeLines = (size: number) =>
  Array.from({ length: 90 }, (_, at): Field => [`x-${at}`, 'a'.repeat(size)]);

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const written = (text: string) => JSON.stringify(text).slice(1, -1);
const each = <Value>(values: readonly Value[], name: string, make: (value: Value) => Buffer) =>
  values.map((value): Case => [`${name} ${written(String(value))}`, make(value)]);
const lines = (...fields: readonly Field[]) =>
  fields.map((field): Case => [`the line ${written(field.join(': '))}`, get(field)]);

const PSEUDO = [':method', ':scheme', ':path', ':authority'] as const;
const usual = (name: string) => GET.find(([known]) => known === name)?.[1] ?? '';

/** Ends its stream, or its connection, before the door hears of it. */
export const ended: readonly Case[] = [
  ...each(
    ['A', 'X-a', 'hOST', 'Content-Length', 'TRANSFER-ENCODING', 'Cookie', `${SMUGGLED}x`],
    'the name',
    (name) => get([name, '1']),
  ),
  ...PSEUDO.flatMap((name): Case[] => {
    const value = usual(name);
    return [
      [`no ${name}`, headers(without(name))],
      [`${name} twice`, headers([...GET, [name, value]])],
      [`${name} twice, differing`, headers([...GET, [name, `${value}z`]])],
      [`${name} late`, headers([...without(name), ['x-y', '1'], [name, value]])],
      [`${name} in upper case`, headers([...without(name), [name.toUpperCase(), value]])],
      ...each(
        ['', `${value}\r\nx-y: 1`, `${value}\nx-y: 1`, `${value}\0`, `${value}\x7f`],
        name,
        (other) => headers(but(name, other)),
      ),
      ...each([`${value} b`, ` ${value}`, `${value} `, `${value}\tb`], name, (other) =>
        headers(but(name, other)),
      ),
    ];
  }),
  [':status', headers([...GET, [':status', '200']])],
  [':protocol', headers([...GET, [':protocol', 'websocket']])],
  ['an unknown pseudo-header', headers([[':unknown', '1'], ...GET])],
  ['a pseudo-header without a name', headers([[':', '1'], ...GET])],
  ['no lines at all', headers([])],
  ['only common lines', headers([['x-y', '1']])],
  ...each(
    [
      'x',
      '*',
      '?a',
      'http://evil/x',
      'https://a/x',
      'a:443',
      '/x HTTP/1.1',
      `/ HTTP/1.1\r\nHost: a\r\n\r\n${SMUGGLED}`,
    ],
    ':path',
    (path) => headers(but(':path', path)),
  ),
  ...each(['G(T', 'G\xe4T', 'GET,POST', `GET / HTTP/1.1\r\n\r\n${SMUGGLED}`], ':method', (method) =>
    headers(but(':method', method)),
  ),
  ['CONNECT with a path', headers(but(':method', 'CONNECT'))],
  ['CONNECT of a WebSocket', headers([...but(':method', 'CONNECT'), [':protocol', 'websocket']])],
  ...each(['http://evil/?', 'https:'], ':scheme', (scheme) => headers(but(':scheme', scheme))),
  ...each(['a/b', 'a?b', 'a#b', 'http://a', 'a\\b'], ':authority', (authority) =>
    headers(but(':authority', authority)),
  ),
  ['an empty host', get(['host', ''])],
  ['host twice', get(['host', 'a'], ['host', 'a'])],
  ['host alone, twice', hostAlone('a', 'b')],
  ...each(['', 'a, b', 'a\r\nx-y: 1', 'a/b'], 'host alone,', (host) => hostAlone(host)),
  ...lines(
    ...(['close', 'keep-alive', 'upgrade', 'x-forwarded-for, te'] as const).map(
      (value): Field => ['connection', value],
    ),
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'keep-alive'],
    ...(['chunked', 'identity', 'gzip, chunked', 'xchunked', ''] as const).map(
      (value): Field => ['transfer-encoding', value],
    ),
    ['upgrade', 'websocket'],
    ['upgrade', 'h2c'],
    ['te', 'gzip'],
    ['te', 'trailers, chunked'],
    ['te', ''],
  ),
  ['chunked, and a body', post([['transfer-encoding', 'chunked']], '0\r\n\r\n', SMUGGLED)],
  ...each(
    ['-5', '+5', '0x5', '5,5', '', 'a', '5.0', '1e1', '99999999999999999999'],
    'content-length',
    (length) => post([['content-length', length]], 'abcde'),
  ),
  ...each(['5', '005', '-1', 'a'], 'without a body, content-length', (length) =>
    get(['content-length', length]),
  ),
  [
    'content-length twice, the same',
    post(
      [
        ['content-length', '5'],
        ['content-length', '5'],
      ],
      'abcde',
    ),
  ],
  [
    'content-length twice, differing',
    post(
      [
        ['content-length', '5'],
        ['content-length', '4'],
      ],
      'abcde',
    ),
  ],
  ['a body shorter than its length', post([['content-length', '10']], 'abcde')],
  ['a body longer than its length', post([['content-length', '2']], 'ab', SMUGGLED)],
  ['a body longer than its length, in one', post([['content-length', '2']], `ab${SMUGGLED}`)],
  ['a body behind a length of 0', post([['content-length', '0']], SMUGGLED)],
  ['a length in trailers', withTrailers([['content-length', '9']])],
  ['a coding in trailers', withTrailers([['transfer-encoding', 'chunked']])],
  ['a path in trailers', withTrailers([[':path', '/smuggled']])],
  ['upper case in trailers', withTrailers([['X-Sum', '1']])],
  ['trailers that end nothing', withTrailers([['x-sum', '1']], END_HEADERS)],
  ['a second head', whole(headers(POST, END_HEADERS), headers(GET, END_HEADERS), data('abc'))],
  ['300 lines', get(...Array.from({ length: 300 }, (_, at): Field => [`x-${at}`, '1']))],
  ['a head of 200 KiB', get(...largeLines(2_200))],
  ['data before a head', data(SMUGGLED)],
  ['a head of no stream', frame(type.headers, END_HEADERS | END_STREAM, 0, block(GET))],
  ['a head of an even stream', frame(type.headers, END_HEADERS | END_STREAM, 2, block(GET))],
  [
    'a head that goes on in another stream',
    whole(
      frame(type.headers, END_STREAM, 1, block(GET.slice(0, 2))),
      frame(type.continuation, END_HEADERS, 3, block(GET.slice(2))),
    ),
  ],
  ['data within a head', whole(frame(type.headers, 0, 1, block(GET.slice(0, 2))), data('abc'))],
  ['a continuation of nothing', frame(type.continuation, END_HEADERS, 1, block(GET))],
  [
    '50 empty continuations',
    whole(
      frame(type.headers, END_STREAM, 1, block(GET)),
      ...Array.from({ length: 50 }, () => frame(type.continuation, 0, 1)),
    ),
  ],
  ['a broken head', frame(type.headers, END_HEADERS | END_STREAM, 1, '\x7f\xff\xff')],
  ['an index of nothing', frame(type.headers, END_HEADERS | END_STREAM, 1, '\xff\x80\x01')],
  [
    'a promise of the client',
    frame(type.push, END_HEADERS, 1, whole(Buffer.from([0, 0, 0, 2]), block(GET))),
  ],
  [
    'padding longer than its frame',
    whole(headers(POST, END_HEADERS), frame(type.data, 8, 1, '\xc8ab')),
  ],
  ['a frame of 20000 bytes', post([], 'a'.repeat(20_000))],
  ['an HTTP/1 request', Buffer.from(SMUGGLED)],
];

/** What the door answers by itself. */
export const answered: readonly [status: number, cases: readonly Case[]][] = [
  [
    400,
    [
      ['a fragment', headers(but(':path', '/x#y'))],
      ['another host', get(['host', 'b'])],
      ['another port', get(['host', 'a:81'])],
      ...each(['HTTPS', 'ftp', 'ws', 'wss', 'file'], ':scheme', (scheme) =>
        headers(but(':scheme', scheme)),
      ),
      ...each(['u@a', 'a:99999', 'a:b', 'a,b', '[::1'], ':authority', (authority) =>
        headers(but(':authority', authority)),
      ),
      ...each(['u@a', 'a:99999', '[::1'], 'host alone,', (host) => hostAlone(host)),
      [
        'Max-Forwards that is no number',
        headers([...but(':method', 'OPTIONS'), ['max-forwards', 'x']]),
      ],
    ],
  ],
  [
    405,
    [
      [
        'CONNECT',
        headers([
          [':method', 'CONNECT'],
          [':authority', 'a:443'],
        ]),
      ],
      ['TRACE', headers(but(':method', 'TRACE'))],
    ],
  ],
  [414, [['a path of 17000 bytes', headers(but(':path', `/${'a'.repeat(17_000)}`))]]],
  [417, lines(['expect', 'banana'], ['expect', '100-continue, banana'])],
  [
    431,
    [
      ['101 lines', get(...Array.from({ length: 101 }, (_, at): Field => [`x-${at}`, '1']))],
      ['a head of 80 KiB', get(...largeLines(900))],
      ['a head of 17000 bytes', get(['x-y', 'a'.repeat(15_000)], ['x-z', 'a'.repeat(2_000)])],
    ],
  ],
  [
    501,
    [
      ...each(['get', 'FOO', 'PRI', '*'], ':method', (method) => headers(but(':method', method))),
      ...lines(['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='], ['sec-websocket-version', '13']),
    ],
  ],
  [508, lines(['via', '2.0 meow-aaaaaa'])],
];

/** A line that no line may be: Node's library leaves it out, and the request goes on without it. */
export const leftOut: readonly Case[] = [
  ...each(
    [
      '\0',
      '\x01',
      '\t',
      '\n',
      '\r',
      '\x1f',
      ' ',
      '"',
      '(',
      ',',
      '/',
      ':',
      ';',
      '@',
      '{',
      '\x7f',
      '\x80',
      '\xff',
    ],
    'a name with',
    (char) => get([`x${char}y`, '1']),
  ),
  ['no name', get(['', '1'])],
  ['a name with a line in it', get(['x: 1\r\ntransfer-encoding', 'chunked'])],
  ...each(
    [...Array(32).keys(), 0x7f]
      .filter((code) => code !== 9)
      .map((code) => String.fromCharCode(code)),
    'a value with',
    (char) => get(['x-y', `a${char}b`]),
  ),
  ...each(
    ['1\r\ntransfer-encoding: chunked', `1\r\n\r\n${SMUGGLED}`, ' 1', '1 ', '\t1', ' '],
    'the value',
    (value) => get(['x-y', value]),
  ),
  ['a cookie with CR LF', get(['cookie', 'a=1\r\nx: 1'])],
  ['a length with CR LF', get(['content-length', '5\r\n'])],
];

/** What only the door may say: never as the client says it. */
export const replaced: readonly Case[] = lines(
  ['transfer_encoding', 'chunked'],
  ['content_length', '5'],
  ['x_forwarded_for', 'evil'],
  ['x-forwarded-for', 'evil'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-host', 'evil'],
  ['forwarded', 'for=evil'],
  ['meow-attempt', 'mine'],
  ['proxy', 'evil'],
  ['proxy-authorization', 'Basic x'],
  ['trailer', 'x-sum'],
  ['te', 'trailers'],
  ['expect', '100-continue'],
);

export const START = 'GET /x HTTP/1.1\r\nhost: a\r\n';
const CHUNKED = 'POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
const MEASURED = 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: ';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** What goes on, and how. */
export const passed: readonly [title: string, bytes: Buffer, request: string][] = [
  ['a value with a tab', get(['x-y', 'a\tb']), `${START}x-y: a\tb\r\n\r\n`],
  ['an empty value', get(['x-y', '']), `${START}x-y: \r\n\r\n`],
  ['a value beyond ASCII', get(['x-y', 'a\xe4\xff']), `${START}x-y: a\xe4\xff\r\n\r\n`],
  ['__proto__', get(['__proto__', 'x']), `${START}__proto__: x\r\n\r\n`],
  [
    'cookies in parts',
    get(['cookie', 'a=1'], ['x-y', '1'], ['cookie', 'b=2'], ['cookie', 'c=3']),
    `${START}x-y: 1\r\ncookie: a=1; b=2; c=3\r\n\r\n`,
  ],
  ...['//evil/x', '/%zz', '/..%2f', '/a\\b', '/\xe4', '/?b?c=%0d%0a', '/{}|^`"<>'].map(
    (path): [string, Buffer, string] => [
      `the path ${path}`,
      headers(but(':path', path)),
      `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`,
    ],
  ),
  ['the scheme http', headers(but(':scheme', 'http')), `${START}\r\n`],
  ['host alone', hostAlone('a'), `${START}\r\n`],
  ['the same host in another case', get(['host', 'A']), `${START}\r\n`],
  [
    'an address as authority',
    headers(but(':authority', '[::1]:80')),
    'GET /x HTTP/1.1\r\nhost: [::1]:80\r\n\r\n',
  ],
  ['a body with its length', post([['content-length', '5']], 'abcde'), `${MEASURED}5\r\n\r\nabcde`],
  [
    'a body in pieces',
    post([['content-length', '6']], 'abc', '', 'def'),
    `${MEASURED}6\r\n\r\nabcdef`,
  ],
  ['a body of nothing', post([['content-length', '0']], ''), `${MEASURED}0\r\n\r\n`],
  ['a body without a length', post([], SMUGGLED), `${CHUNKED}${chunk(SMUGGLED)}${chunk('')}`],
  [
    'a body that looks like chunks',
    post([], '0\r\n\r\n', SMUGGLED),
    `${CHUNKED}${chunk('0\r\n\r\n')}${chunk(SMUGGLED)}${chunk('')}`,
  ],
  [
    'a body of a GET',
    withBody(GET, 'abc'),
    `${START}transfer-encoding: chunked\r\n\r\n${chunk('abc')}${chunk('')}`,
  ],
  ['trailers, left out', withTrailers([['x-sum', '1']]), `${CHUNKED}${chunk('abc')}${chunk('')}`],
  ['a host in trailers', withTrailers([['host', 'b']]), `${CHUNKED}${chunk('abc')}${chunk('')}`],
  [
    'a head in two frames',
    whole(
      frame(type.headers, END_STREAM, 1, block(GET.slice(0, 2))),
      frame(type.continuation, END_HEADERS, 1, block(GET.slice(2))),
    ),
    `${START}\r\n`,
  ],
];
