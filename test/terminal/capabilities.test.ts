import { describe, expect, test } from 'vitest';
import { isComplete, readAnswers } from '../../src/terminal/capabilities.ts';
import { chooseFormat, screenOf } from '../../src/terminal/choose.ts';
import { placeOf } from '../../src/terminal/screen.ts';
import { answers } from '../helpers/pseudo-terminal.ts';

const ESC = '\u001b';
const SCREEN = { columns: 80, rows: 24 };
const ALONE = { multiplexed: false, trueColor: true };
const said = (kind: keyof typeof answers) => answers[kind](`${ESC}[c`);
const format = (text: string) => chooseFormat(null, ALONE, readAnswers(text, SCREEN));

describe('what a terminal answers', () => {
  test.each([
    ['kitty', said('kitty'), 'kitty'],
    ['iTerm2, which has sixel too', said('iterm'), 'iterm'],
    ['foot', said('sixel'), 'sixel'],
    ['xterm as a VT340', said('vt340'), 'sixel'],
    ['xterm', said('plain'), 'blocks'],
    ['Ghostty', `${ESC}_Gi=31;OK${ESC}\\${ESC}P>|ghostty 1.0.1${ESC}\\${ESC}[?62;22c`, 'kitty'],
    ['WezTerm', `${ESC}P>|WezTerm 20240203${ESC}\\${ESC}[?65;4;6;18;22c`, 'iterm'],
    ['tmux, whatever it can', `${ESC}P>|tmux 3.4${ESC}\\${ESC}[?1;2;4c`, 'blocks'],
    ['one that refuses the question', `${ESC}_Gi=31;ENOTSUPPORTED${ESC}\\${ESC}[?62;c`, 'blocks'],
    ['one that has attribute 14, not 4', `${ESC}[?64;14;40c`, 'blocks'],
    ['Linux', `${ESC}[?6c`, 'blocks'],
    ['nothing', '', 'blocks'],
    ['keys that were typed', 'iTerm2 kitty ls -la\r', 'blocks'],
  ])('decides how it is drawn on: %s', (_, text, way) => {
    expect(format(text)).toBe(way);
  });

  test('is over when the last question is answered, however it comes in', () => {
    const all = said('kitty');
    for (let end = 0; end < all.length; end++) expect(isComplete(all.slice(0, end))).toBe(false);
    expect(isComplete(all)).toBe(true);
    expect(isComplete(`ls${all}`)).toBe(true);
  });

  test.each([
    ['of a cell', `${ESC}[6;20;10t`, { width: 10, height: 20 }],
    ['of the screen', `${ESC}[4;480;800t`, { width: 10, height: 20 }],
    [
      'of both, where the cell counts',
      `${ESC}[4;480;800t${ESC}[6;30;15t`,
      { width: 15, height: 30 },
    ],
    ['of nothing', `${ESC}[4;0;0t${ESC}[6;0;0t`, null],
    ['that cannot be', `${ESC}[6;99999;1t`, null],
  ])('tells the size %s', (_, text, cell) => {
    expect(readAnswers(text, SCREEN).cell).toEqual(cell);
  });

  test('tells how many colours sixel has', () => {
    expect(readAnswers(said('vt340'), SCREEN).colors).toBe(16);
    expect(readAnswers(said('plain'), SCREEN).colors).toBe(null);
  });

  test('does not count in tmux or screen, but --format always does', () => {
    const kitty = readAnswers(said('kitty'), SCREEN);
    expect(chooseFormat(null, { ...ALONE, multiplexed: true }, kitty)).toBe('blocks');
    expect(chooseFormat('sixel', { ...ALONE, multiplexed: true }, null)).toBe('sixel');
  });
});

describe('a screen', () => {
  test('of a wire without a size has 80 times 24', () => {
    expect(screenOf({ columns: 0, rows: 0 }, null)).toMatchObject(SCREEN);
    expect(screenOf({}, null)).toMatchObject(SCREEN);
  });

  test.each([
    ['small', { width: 16, height: 16 }, { width: 2, height: 1 }],
    ['wide', { width: 8_000, height: 100 }, { width: 80, height: 1 }],
    ['high', { width: 100, height: 8_000 }, { width: 1, height: 23 }],
    ['large', { width: 8_000, height: 6_000 }, { width: 62, height: 23 }],
  ])('is never left by a picture that is %s, nor is it made larger', (_, size, place) => {
    const screen = { ...SCREEN, cell: { width: 10, height: 20 } };
    expect(placeOf(size, screen)).toEqual(place);
  });
});
