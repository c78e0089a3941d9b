import { expect, test } from 'vitest';
import { averages, sparkline } from '../../../../src/cli/top/frame/sparkline.ts';

const BARS = '▁▂▃▄▅▆▇█';

test.each([
  ['the newest stands at the right, and nothing at all is the lowest', [0, 0, 5], 5, '  ▁▁█'],
  ['each is drawn by its share of the highest', [0, 1, 4, 7], 4, '▁▂▅█'],
  ['the little that there is can be told from nothing', [0, 0.01, 100], 3, '▁▂█'],
  ['less than one is not drawn as if it were much', [0.5, 0.1], 2, '▅▂'],
  ['only so many of the newest are drawn', [9, 9, 9, 0, 1], 2, '▁█'],
  ['what nobody knows is a blank', [null, 1, null], 3, ' █ '],
  ['there is nothing to draw', [], 3, '   '],
] as const)('of a sparkline, %s', (_what, values, columns, drawn) => {
  expect(sparkline(values, columns, BARS)).toBe(drawn);
});

test('a sparkline takes other heights where there is no Unicode', () => {
  expect(sparkline([0, 1, 4, 7], 4, '_.-:=+*#')).toBe('_.=#');
});

test('the oldest of the averages may be of fewer values, never the newest', () => {
  expect(averages([10, 1, 2, 3, 6, 6, 6], 3)).toEqual([10, 2, 6]);
  expect(averages([], 3)).toEqual([]);
});
