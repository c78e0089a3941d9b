import { expect, test } from 'vitest';
import { wrap } from '../../../../src/cli/top/frame/wrap.ts';

test.each([
  ['is broken between words', 'one two three', 7, 9, ['one two', 'three']],
  ['is cut where one word alone is wider', 'a incomprehensible', 6, 9, ['a', 'incom…']],
  ['counts wide characters twice', '猫 の 店', 5, 9, ['猫 の', '店']],
  ['loses what there are no lines for, visibly', 'one two three', 5, 2, ['one', 'two…']],
  ['is one empty line where there is none', '', 5, 2, ['']],
] as const)('a text %s', (_what, text, width, most, lines) => {
  expect(wrap(text, width, most, '…')).toEqual(lines);
});
