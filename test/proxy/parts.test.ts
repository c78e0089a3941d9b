import { describe, expect, test } from 'vitest';
import { type Answered, accessLine } from '../../src/proxy/access-log.ts';
import { EventEnd } from '../../src/proxy/exchange/event-end.ts';
import { RetryPolicy, type TryFacts } from '../../src/proxy/exchange/retry-policy.ts';
import { doorOptions, LOOPBACK } from '../../src/proxy/options.ts';
import { createAllow } from '../../src/proxy/upstream/address-policy.ts';
import { FrameTracker } from '../../src/proxy/websocket/frames.ts';
import { build } from '../helpers/web-sockets.ts';

describe('--allow-backends', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['[::1]', true],
    ['localhost', true],
    ['LOCALHOST', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.5', false],
    ['::ffff:10.0.0.5', false],
    ['0.0.0.0', false],
    ['::', false],
    ['127.1', false],
    ['0177.0.0.1', false],
    ['0x7f000001', false],
    ['2130706433', false],
    ['evil.com', false],
    ['localhost.evil.com', false],
    ['', false],
  ])('by default: %s is %s', (host, allowed) => {
    expect(createAllow(LOOPBACK)(host)).toBe(allowed);
  });

  test('takes networks, addresses and names, and nothing else', () => {
    const allow = createAllow(['10.0.0.0/8', 'fd00::/8', '192.168.1.20', 'web1.internal']);
    expect(['10.9.9.9', 'fd12::1', '192.168.1.20', 'web1.internal'].every(allow)).toBe(true);
    expect(['11.0.0.1', 'fe80::1', '192.168.1.21', 'web2.internal'].some(allow)).toBe(false);
  });

  test.each(['', '10.0.0.0/33', '10.0.0/8', '127.1', 'a b', '10.0.0.0/8/8', '*', '\u001b[31m'])(
    'refuses %j with its name',
    (entry) => {
      expect(() => createAllow([entry])).toThrow(/is not an address, a network or a name/);
    },
  );
});

describe('the retry policy of retries', () => {
  const facts: TryFacts = {
    failure: 'unconnected',
    method: 'GET',
    hasBody: false,
    poison: false,
    tries: 1,
    repeated: false,
    elapsedMs: 0,
  };
  test.each<[string, Partial<TryFacts>, boolean]>([
    ['a connection that never stood, GET', {}, true],
    ['a connection that never stood, POST with a body', { method: 'POST', hasBody: true }, true],
    ['the same, a second time', { tries: 2 }, true],
    ['the same, a third time', { tries: 3 }, false],
    ['the same, after five seconds', { elapsedMs: 5_001 }, false],
    ['a connection that broke, GET', { failure: 'broken' }, true],
    ['a connection that broke, PUT', { failure: 'broken', method: 'PUT' }, true],
    [
      'a connection that broke, PUT with a body',
      { failure: 'broken', method: 'PUT', hasBody: true },
      false,
    ],
    ['a connection that broke, POST', { failure: 'broken', method: 'POST' }, false],
    ['a connection that broke, PATCH', { failure: 'broken', method: 'PATCH' }, false],
    ['a connection that broke again', { failure: 'broken', repeated: true, tries: 2 }, false],
    ['poison', { failure: 'broken', poison: true }, false],
    ['poison, where the connection never stood', { poison: true }, true],
    ['a server that was given up, GET', { failure: 'gone' }, true],
    ['a server that was given up, POST', { failure: 'gone', method: 'POST' }, false],
    ['a second server that was given up', { failure: 'gone', repeated: true, tries: 2 }, false],
    ['an answer that made no sense', { failure: 'garbled' }, false],
    ['no answer in time', { failure: 'late' }, false],
    ['a client that stopped sending', { failure: 'stalled' }, false],
    ['a door without sockets', { failure: 'short' }, false],
  ])('%s', (_what, over, again) => {
    expect(new RetryPolicy(doorOptions()).allows({ ...facts, ...over })).toBe(again);
  });

  test('repeats after a break at most 20 % of a second’s requests, but three', () => {
    const policy = new RetryPolicy(doorOptions());
    const broken = () => policy.allows({ ...facts, failure: 'broken' });
    expect(Array.from({ length: 10 }, broken).filter(Boolean)).toHaveLength(3);
    for (let at = 0; at < 100; at += 1) policy.count();
    policy.turn();
    expect(Array.from({ length: 50 }, broken).filter(Boolean)).toHaveLength(20);
  });
});

test('frame boundaries are found however the bytes are cut', () => {
  const frames = [0, 1, 125, 126, 65_535, 65_536].map((size) => build(0x82, Buffer.alloc(size)));
  const all = Buffer.concat(frames);
  const ends = new Set<number>();
  let end = 0;
  for (const { length } of frames) {
    end += length;
    ends.add(end);
  }
  for (const step of [1, 3, 1_000, 70_000]) {
    const boundary = new FrameTracker();
    expect(boundary.reached).toBe(true);
    for (let at = 0; at < all.length; at += step) {
      boundary.take(all.subarray(at, at + step));
      expect(boundary.reached).toBe(ends.has(Math.min(at + step, all.length)));
    }
  }
});

describe.each(['\n', '\r', '\r\n'])('an event stream with lines that end in %j', (end) => {
  const events = ['data: 1', `id: 7${end}data: 2`, ': said to keep it open', 'data: 3'];
  const all = Buffer.from(events.map((event) => event + end + end).join(''));
  const ends = [0];
  for (let at = 1; at <= all.length; at += 1) {
    const before = all.subarray(0, at).toString();
    // Half of a CRLF ends a line as well, and its second half belongs to it.
    if (before.endsWith(end + end) || before.endsWith(`${end}\r`)) ends.push(at);
  }

  test.each([1, 2, 3, 5, 1_000])('may end between two, and nowhere else: pieces of %i', (step) => {
    for (let wanted = 0; wanted < all.length; wanted += 1) {
      const asked = Math.ceil(wanted / step) * step;
      const passed = passUntil(new EventEnd(), all, step, asked);
      expect(passed).toBe(ends.find((at) => at >= asked) ?? all.length);
    }
  });
});

/** Takes pieces of `step` bytes; from the first beyond `wanted` on it is to end. Gives where it did. */
function passUntil(stream: EventEnd, all: Buffer, step: number, wanted: number): number {
  let at = 0;
  for (; at < all.length; at += step) {
    if (at >= wanted && stream.soon(0, 1_000)) return at;
    const end = stream.take(all.subarray(at, at + step));
    if (end !== null) return at + end;
  }
  return all.length;
}

test('an event that does not end is not waited for longer than said', () => {
  const stream = new EventEnd();
  stream.take(Buffer.from('data: 1'));
  expect([0, 1_000, 1_001].map((nowMs) => stream.soon(nowMs, 1_000))).toEqual([false, false, true]);
});

test.each<[string, Partial<Answered>, string]>([
  [
    'which server failed',
    { tried: ['abc234'], trouble: 'reset' },
    ' - 502 3.2ms (reset) tried abc234',
  ],
  ['every try', { server: 'b', tried: ['a', 'b'], status: 200 }, ' b 200 3.2ms tried a b'],
  ['no try where there was none', { status: 400 }, ' - 400 3.2ms'],
])('an access line tells %s', (_what, over, rest) => {
  const usual = { at: 0, method: 'GET', path: '/a', server: null, status: 502, durationMs: 3.21 };
  expect(accessLine({ ...usual, tried: [], trouble: null, ...over })).toMatch(
    new RegExp(`^[\\d:.]{12} GET /a${rest.replace(/[()]/g, '\\$&')}$`),
  );
});

test('an access line has time, method, path, server, status and duration, and no control characters', () => {
  const line = accessLine({
    at: new Date(2030, 0, 1, 12, 0, 1).getTime(),
    method: 'GET',
    path: '/a\u001b[31m',
    server: 'abc234',
    status: 200,
    durationMs: 3.21,
    tried: ['abc234'],
    trouble: null,
  });
  expect(line).toBe('12:00:01.000 GET /a\\u001b[31m abc234 200 3.2ms');
});
