import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clip, padTo, textWidth } from '../src/text-width.ts';

describe('the width of a text on a terminal', () => {
  test.each([
    ['ASCII', 'server.js', 9],
    ['Latin with an accent of its own', 'cafe\u0301', 4],
    ['Chinese', '猫咪', 4],
    ['an emoji', '🐱', 2],
    ['a flag, which is two characters', '🇨🇭', 2],
    ['half-width katakana', 'ﾈｺ', 2],
    ['nothing', '', 0],
  ])('of %s', (_what, text, columns) => {
    expect(textWidth(text)).toBe(columns);
  });
});

describe('a text that is too long', () => {
  test.each([
    ['fits to the column', 'abcde', 5, 'abcde'],
    ['loses its end to a mark', 'abcdef', 5, 'abcd…'],
    ['is not cut through a wide character', '猫咪猫', 5, '猫咪…'],
    ['has a blank too few rather than half a character', '猫咪猫', 4, '猫…'],
    ['is not cut through a flag', '🇨🇭🇨🇭', 3, '🇨🇭…'],
    ['has no room at all', 'abc', 0, ''],
  ])('%s', (_what, text, columns, cut) => {
    expect(clip(text, columns)).toBe(cut);
  });

  test('never takes more columns than it is given, whatever is in it', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 30 });
    fc.assert(
      fc.property(texts, fc.nat(20), (text, columns) => {
        expect(textWidth(clip(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

test('a column is filled with blanks by what is seen, on either side', () => {
  expect([padTo('猫', 4), padTo('42', 4, 'right'), padTo('too long', 4)]).toEqual([
    '猫  ',
    '  42',
    'too long',
  ]);
});
