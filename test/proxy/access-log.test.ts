import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accessLine } from '../../src/proxy/access-log.ts';
import type { Answered } from '../../src/proxy/exchange/context.ts';

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
    new RegExp(`^[\\d:.]{12}[+-]\\d\\d:\\d\\d GET /a${rest.replace(/[()]/g, '\\$&')}$`),
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
  expect(line).toMatch(/^12:00:01\.000[+-]\d\d:\d\d GET \/a\\u001b\[31m abc234 200 3\.2ms$/);
});

test('an access line has no control characters, whatever was asked', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 });
  const usual = { at: 0, server: null, status: 200, durationMs: 1, tried: [] };
  fc.assert(
    fc.property(text, text, fc.option(text), (method, path, trouble) => {
      const line = accessLine({ ...usual, method, path, trouble });
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    }),
  );
});
