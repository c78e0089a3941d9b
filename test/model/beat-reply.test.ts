import { describe, expect, test } from 'vitest';
import { parseBeatReply } from '../../src/model/beat-reply.ts';
import { parseKilled, parseOrder } from '../../src/model/drain-order.ts';

describe('the reply to a heartbeat', () => {
  test('brings the order, the doors, who acknowledged, and the registry', () => {
    const order = { order: 'retire', drainMs: 5 };
    expect(parseBeatReply([JSON.stringify(order), ['a', 'b'], ['a'], 'r-1'])).toEqual({
      ...{ order, doors: ['a', 'b'], acks: ['a'], registry: 'r-1' },
    });
  });

  test.each([undefined, 'OK', [], [null, null, null, 'not an id']])(
    'that is another thing asks for nothing: %j',
    (reply) => {
      const nothing = { order: null, doors: [], acks: [], registry: null };
      expect(parseBeatReply(reply)).toEqual(nothing);
    },
  );
});

test.each([
  ['{"order":"retire","drainMs":0}', { order: 'retire', drainMs: 0 }],
  ['{"order":"retire","drainMs":-1}', null],
  ['{"order":"retire","drainMs":86400001}', null],
  ['{"order":"explode","drainMs":0}', null],
  [null, null],
])('the order to drain %j is read as %j', (text, order) => {
  expect(parseOrder(text)).toEqual(order);
});

test('how long a program had before it was killed is a count, or not known', () => {
  expect(parseKilled('{"killedAfterMs":30000}')).toBe(30_000);
  expect(parseKilled('{"killedAfterMs":"30"}')).toBeNull();
  expect(parseKilled(null)).toBeNull();
});
