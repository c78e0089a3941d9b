import { describe, expect, test } from 'vitest';
import { createEventParser } from '../../src/overview/event-stream.ts';

const parse = (...pieces: string[]) => {
  const parser = createEventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

describe('an event stream', () => {
  test.each([
    ['one event', ['event: a\ndata: 1\n\n'], [['a', '1']]],
    ['one without a name', ['data: 1\n\n'], [['message', '1']]],
    ['data over two lines', ['data: 1\ndata: 2\n\n'], [['message', '1\n2']]],
    ['no space behind the colon', ['event:a\ndata:1\n\n'], [['a', '1']]],
    ['a colon in the data', ['data: {"a":1}\n\n'], [['message', '{"a":1}']]],
    ['lines that end with CR LF', ['event: a\r\ndata: 1\r\n\r\n'], [['a', '1']]],
    [
      'lines that end with CR',
      ['event: a\rdata: 1\r\rdata: 2\n\n'],
      [
        ['a', '1'],
        ['message', '2'],
      ],
    ],
    ['a comment, which keeps the connection open', [': hello\n\n'], []],
    ['an event without data', ['event: a\n\ndata: 1\n\n'], [['message', '1']]],
    ['a field that nobody knows', ['id: 7\nretry: 1\ndata: 1\n\n'], [['message', '1']]],
    ['an event that is not whole', ['event: a\ndata: 1\n'], []],
    ['a line torn in two', ['event: a\nda', 'ta: 1\n', '\n'], [['a', '1']]],
    ['a line end torn in two', ['event: a\r', '\ndata: 1\r\n\r', '\n'], [['a', '1']]],
  ] as const)('has %s', (_, pieces, events) => {
    expect(parse(...pieces).map(({ name, data }) => [name, data])).toEqual(events);
  });

  test('is the same whatever its pieces are', () => {
    const text = 'event: overview\r\ndata: {"a":1}\r\n\r\n: hm\n\nevent: b\ndata: x\ndata: y\n\n';
    const whole = parse(text);
    expect(whole).toHaveLength(2);
    expect(parse(...text)).toEqual(whole);
  });
});
