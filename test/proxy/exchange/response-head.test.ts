import { describe, expect, test } from 'vitest';
import {
  interimLines,
  ResponseHead,
  statusText,
} from '../../../src/proxy/exchange/response-head.ts';

const to = { serverId: 'abc234', trailersPossible: true, last: false };
const head = (...lines: string[]) => new ResponseHead(200, lines);

describe('the head of an answer', () => {
  test('goes on as it came, in its order and case, every cookie of it, and says who served it', () => {
    const lines = ['Set-Cookie', 'a=1', 'X-Any', 'ü', 'set-cookie', 'b=2', 'Content-Length', '5'];
    expect(head(...lines).finish(to)).toEqual([...lines, 'X-Served-By', 'abc234']);
    const bytes = lines.map((word) => Buffer.from(word, 'latin1'));
    expect(new ResponseHead(200, bytes).lines).toEqual(lines);
  });

  test('loses what Connection names, but never its length', () => {
    const named = head('Connection', 'X-Hop, content-length', 'x-hop', '1', 'Content-Length', '5');
    expect(named.lines).toEqual(['Content-Length', '5']);
  });

  test('ends the client’s connection after its last answer', () => {
    expect(head().finish({ ...to, last: true })).toEqual([
      ...['X-Served-By', 'abc234'],
      ...['Connection', 'close'],
    ]);
  });

  test('promises trailers only where there may be some, and the client can take them', () => {
    const chunked = ['Transfer-Encoding', 'chunked', 'Trailer', 'X-Sum'];
    expect(head(...chunked).finish(to)).toContain('X-Sum');
    expect(head(...chunked).finish({ ...to, trailersPossible: false })).not.toContain('X-Sum');
    expect(head('Content-Length', '1', 'Trailer', 'X-Sum').finish(to)).not.toContain('X-Sum');
  });

  test.each<[string, string[], Partial<ResponseHead>]>([
    ['a length', ['Content-Length', '5'], { length: 5, isOpenEnded: false, ambiguous: false }],
    ['no length', [], { length: -1, isOpenEnded: true, ambiguous: false }],
    ['chunks', ['Transfer-Encoding', 'Chunked'], { isOpenEnded: false, ambiguous: false }],
    [
      'chunks and a length',
      ['Content-Length', '5', 'Transfer-Encoding', 'chunked'],
      { ambiguous: true },
    ],
    ['another coding', ['Transfer-Encoding', 'gzip, chunked'], { ambiguous: true }],
    ['an event stream', ['Content-Type', 'Text/Event-Stream; x=1'], { isStream: true }],
    ['another type', ['Content-Type', 'text/event-streams'], { isStream: false }],
  ])('with %s is known by it', (_what, lines, known) => {
    expect(head(...lines)).toMatchObject(known);
  });

  test('of a status that has no length says none', () => {
    const lines = ['Content-Length', '5'];
    expect(new ResponseHead(204, lines).lines).toEqual([]);
    expect(new ResponseHead(304, lines).lines).toEqual(lines);
  });
});

test.each([
  [200, 'OK', 'OK'],
  [200, 'All good', 'All good'],
  [299, '', ''],
  [200, '', ''],
  [404, 'caf\u00e9', 'Not Found'],
  [200, 'a\r\nX-Evil: 1', 'OK'],
])('the words for status %i, %j from the server, are %j for the client', (status, said, words) => {
  expect(statusText(status, said)).toBe(words);
});

test('an interim answer follows the same rules for its lines', () => {
  const lines = interimLines(103, ['Link', '</a>', 'Connection', 'X-Hop', 'X-Hop', '1'], 'a');
  expect(lines).toEqual(['Link', '</a>', 'X-Served-By', 'a']);
});
