import { describe, expect, test } from 'vitest';
import { judgeEnd } from '../../../src/engine/requests/judge-end.ts';
import { parseLogged } from '../../../src/engine/requests/logged-request.ts';
import { type Heard, hearing, line } from '../../helpers/haproxy-log.ts';

describe('a line of HAProxy about a request', () => {
  test('is read word by word', () => {
    expect(parseLogged(line({ end: 'SH', status: 502, retries: '+2', target: '/a?b=1' }))).toEqual({
      ...{ key: '81 7 1795980024606', at: 1_795_980_024_613, durationMs: 25, status: 502 },
      ...{ end: 'SH', retries: 2, server: 'aaaaaa', id: 'mine-1', method: 'GET', path: '/a?b=1' },
      attempt: 'ca6c34ca-8167-4516-a637-dda5dcc4e768',
    });
  });

  test.each([
    ['/a#22b#00#FF', '/a"b\0\u00ff'],
    ['https://cats.example/a?b', '/a?b'],
    ['https://cats.example', '/'],
    ['https://cats.example?b', '/?b'],
    ['/a b c', '/a b c'],
    ['/%41%', '/%41%'],
    ['*', '*'],
  ])('has its target %s as the client wrote it: %s', (target, path) => {
    expect(parseLogged(line({ target }))?.path).toBe(path);
  });

  test.each([
    '',
    'Proxy door stopped (cumulated conns: FE: 21, BE: 0).',
    line({}).slice(9),
    line({}).slice(0, 60),
    `x${line({})}`,
    'No such event sink',
    '1 1 1 1 1 1 1 -- 1 a b c GET /meow',
    'x'.repeat(2_048),
  ])('is left out where it is none: %s', (text) => {
    expect(parseLogged(text)).toBeNull();
  });

  test.each([
    ['--', 200, 0, { server: 'aaaaaa', status: 200, trouble: null, isDelivered: true }],
    ['--', 500, 0, { server: 'aaaaaa', status: 500, trouble: null, isDelivered: true }],
    ['CH', 400, 0, { server: null, status: 499, trouble: 'the client left', failures: [] }],
    ['CD', -1, 0, { server: null, status: 499, trouble: 'the client left' }],
    ['CD', 200, 0, { server: 'aaaaaa', status: 200, trouble: 'the client left' }],
    ['CL', 200, 0, { server: 'aaaaaa', status: 200, isDelivered: false }],
    ['SD', 200, 0, { server: 'aaaaaa', trouble: 'the server broke off its answer', failures: [] }],
    ['CD', 101, 0, { server: 'aaaaaa', status: 101, trouble: null }],
    ['sH', 504, 0, { failures: [{ server: 'aaaaaa', why: 'no answer in time' }], server: null }],
    ['SC', 503, 0, { failures: [{ server: 'aaaaaa', why: 'no connection' }], server: null }],
    ['PH', 502, 0, { server: null, status: 502, trouble: 'the answer made no sense' }],
    ['--', 200, 1, { server: 'aaaaaa', trouble: null, failures: [{ server: 'a server' }] }],
    ['SH', 502, 1, { failures: [{ server: 'a server' }, { server: 'aaaaaa' }] }],
    ['LR', 405, 0, { status: 405, trouble: null, failures: [] }],
    ['zz', 200, 0, { status: 200, trouble: null, isDelivered: false }],
  ] as const)(
    'that ends by %s with %i after %i more tries is told so',
    (end, status, retries, told) => {
      const logged = parseLogged(line({ end, status, retries: String(retries) }));
      expect(logged && judgeEnd(logged)).toMatchObject(told);
    },
  );
});

describe('what becomes of the lines', () => {
  const all = (heard: Heard) => [
    heard.notes.length,
    heard.answers.length,
    heard.undelivered.length,
  ];

  test('each is told once, however often it is read', () => {
    const heard = hearing(0);
    const lines = [line({ end: 'CD', target: '/meow' }), line({ at: 8, end: 'SH', status: 502 })];
    for (const text of [...lines, ...lines]) heard.log.take(text);
    expect(all(heard)).toEqual([1, 2, 1]);
    for (let at = 100; at < 20_000; at += 1) heard.log.take(line({ at }));
    for (const text of lines) heard.log.take(text);
    expect(all(heard)).toEqual([1, 19_902, 1]);
  });

  test('what was over before is remembered, and not written down again', () => {
    const heard = hearing(1_795_980_025_000);
    heard.log.take(line({ end: 'SH', status: 502 }));
    heard.log.take(line({ at: 8, end: 'CD', target: '/meow' }));
    expect(all(heard)).toEqual([1, 0, 1]);
  });

  test.each([
    ['the client left in the answer', { end: 'CD' }, true],
    ['the client left before it', { end: 'CH', status: 400 }, true],
    ['the last of it was on its way', { end: 'CL' }, true],
    ['the door answered', { end: 'SH', status: 502 }, true],
    ['the server broke off', { end: 'SD' }, true],
    ['all of it went out', {}, false],
    ['it was tried again, and all of it went out', { retries: '+1' }, false],
    ['no server was asked', { end: 'CH', status: 400, server: '<NOSRV>' }, false],
    ['it was no picture', { end: 'CD', target: '/meows' }, false],
    ['it was a HEAD', { end: 'CD', method: 'HEAD' }, false],
  ] as const)('%s: a picture is given back: %s', (_, over, isTold) => {
    const heard = hearing(0);
    heard.log.take(line({ target: '/meow', ...over }));
    expect(heard.undelivered).toHaveLength(isTold ? 1 : 0);
  });

  test('a head that made no sense is written down without its words, and no trouble of a server', () => {
    const heard = hearing(0);
    const unread = { server: '<NOSRV>', attempt: '-', id: '-', method: '<BADREQ>' };
    heard.log.take(line({ ...unread, target: '<BADREQ>', end: 'PR', status: 400 }));
    heard.log.take(line({ ...unread, at: 8, target: '<BADREQ>', end: 'CR', status: 400 }));
    expect(heard.answers).toEqual([
      expect.objectContaining({ method: '-', path: '-', status: 400, server: null, tried: [] }),
    ]);
    expect(heard.notes).toEqual([]);
  });
});
