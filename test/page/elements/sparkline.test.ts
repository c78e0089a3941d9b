import { expect, test } from 'vitest';
import { sparkPath } from '../../../src/page/elements/sparkline.ts';

test.each([
  ['nothing', [], ''],
  ['one value', [1], ''],
  ['noughts at the foot', [0, 0], 'M1 19L2 19'],
  ['the largest at the top, the newest at the right', [0, 5, 10], 'M0 19L1 10L2 1'],
  ['the newest, where there are more than fit', [9, 0, 5, 10], 'M0 19L1 10L2 1'],
  ['less than one a second as little', [0, 0.5], 'M1 19L2 10'],
])('a sparkline shows %s', (_, values, path) => {
  expect(sparkPath(values, 3)).toBe(path);
});
