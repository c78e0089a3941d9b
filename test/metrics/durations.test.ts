import { expect, test } from 'vitest';
import { BOUNDS_MS, quantileMs, STEPS, stepOf } from '../../src/metrics/durations.ts';

test.each([
  [0, 0],
  [1, 0],
  [1.01, 1],
  [2.5, 1],
  [30_000, 13],
  [30_001, 14],
  [1e9, 14],
])('%d ms is in step %i, whose end it may reach', (ms, step) => {
  expect(stepOf(ms)).toBe(step);
  expect(step).toBeLessThan(STEPS);
});

test.each([
  ['no request has none', [], 0.5, null],
  ['a hundred in 0 to 1 ms: half of it', [100], 0.5, 0.5],
  ['half in the first step, half in the second', [50, 50], 0.75, 1.75],
  ['one slow one of a hundred is in the last hundredth', [99, 0, 0, 0, 0, 0, 1], 1, 100],
  [
    'beyond the last step its lower end is all that is known',
    [...Array(14).fill(0), 3],
    0.5,
    30_000,
  ],
])('a quantile: %s', (_what, counts, share, expected) => {
  expect(quantileMs(counts, share)).toBe(expected);
});

test('the steps go up', () => {
  expect([...BOUNDS_MS].sort((a, b) => a - b)).toEqual(BOUNDS_MS);
});
