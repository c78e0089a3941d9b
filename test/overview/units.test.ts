import { expect, test } from 'vitest';
import {
  bytes,
  count,
  many,
  milliseconds,
  rate,
  share,
  timeOfDay,
} from '../../src/overview/units.ts';

test.each([
  [count, 0, '0'],
  [count, 999, '999'],
  [count, 1_234, '1.2 k'],
  [count, 34_000_000, '34 M'],
  [rate, 0, '0'],
  [rate, 0.04, '0'],
  [rate, 0.4, '0.4'],
  [rate, 12.4, '12'],
  [rate, 1_234, '1.2 k'],
  [milliseconds, null, '–'],
  [milliseconds, 0.42, '0.4 ms'],
  [milliseconds, 120.2, '120 ms'],
  [milliseconds, 1_500, '1.5 s'],
  [bytes, null, '–'],
  [bytes, 0, '0 B'],
  [bytes, 17_650, '18 kB'],
  [bytes, 1_500_000, '1.5 MB'],
  [share, null, '–'],
  [share, 0.42, '42 %'],
  [share, 0.004, '0.4 %'],
])('%o of %s is shown as %s', (unit: (value: never) => string, value, text) => {
  expect(unit(value as never)).toBe(text);
});

test('a moment is shown as the time of day, and one that is none as unknown', () => {
  expect(timeOfDay(new Date(2026, 2, 1, 4, 5, 6).getTime())).toBe('04:05:06');
  expect(timeOfDay(Number.NaN)).toBe('–');
});

test('one is counted without an s', () => {
  expect([0, 1, 2].map((amount) => many(amount, 'picture'))).toEqual([
    '0 pictures',
    '1 picture',
    '2 pictures',
  ]);
});
