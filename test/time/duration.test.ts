import { expect, test } from 'vitest';
import { duration } from '../../src/time/duration.ts';

test.each([
  [-5_000, '0s'],
  [0, '0s'],
  [999, '0s'],
  [61_000, '1m 1s'],
  [3_600_000, '1h'],
  [90_061_000, '1d 1h'],
])('a time of %i ms is shown as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
