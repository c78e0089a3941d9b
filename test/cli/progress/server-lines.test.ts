import { beforeEach, describe, expect, test } from 'vitest';
import { signsFor } from '../../../src/cli/progress/marks.ts';
import type { Line } from '../../../src/cli/progress/region.ts';
import { ServerLines } from '../../../src/cli/progress/server-lines.ts';
import { FailedError } from '../../../src/errors.ts';

const words = (lines: readonly Line[]) =>
  lines.map((line) => line.map(({ text }) => text).join(''));

let nowMs = 0;
let shown: string[] = [];
let left: string[] = [];

/** A screen of so many rows that keeps what stands on it, and what has been left above. */
function linesOn(room: number, utf8 = true) {
  const screen = {
    room,
    show(lines: readonly Line[]) {
      shown = words(lines);
    },
    leave(gone: readonly Line[], lines: readonly Line[]) {
      left.push(...words(gone));
      shown = words(lines);
    },
  };
  return new ServerLines(screen, signsFor(utf8).marks, () => nowMs);
}

beforeEach(() => {
  [nowMs, shown, left] = [0, [], []];
});

describe('a line for each server', () => {
  test('turns from what goes on to how it ended, with the time that it took', () => {
    const lines = linesOn(10);
    lines.now('aaaaaa', 'starts');
    nowMs = 300;
    lines.now('bbbbbb', 'starts');
    nowMs = 1_250;
    lines.done('aaaaaa', 'serves http://127.0.0.1:3001');
    expect(shown).toEqual([
      '✓ aaaaaa  serves http://127.0.0.1:3001  1.2 s',
      '… bbbbbb  starts  0.9 s',
    ]);
    nowMs = 90_000;
    lines.failed('bbbbbb', new FailedError('x', 'server bbbbbb was not ready', ''));
    expect(shown[1]).toBe('✗ bbbbbb  was not ready  1m 29s');
    expect(shown[0]).toBe('✓ aaaaaa  serves http://127.0.0.1:3001  1.2 s');
  });

  test('says how long it has been going on whenever it is drawn', () => {
    const lines = linesOn(10);
    lines.now('aaaaaa', 'finishes its requests');
    nowMs = 12_345;
    lines.draw();
    expect(shown).toEqual(['… aaaaaa  finishes its requests  12.3 s']);
  });

  test('is in ASCII where a terminal has no more', () => {
    const lines = linesOn(10, false);
    lines.now('aaaaaa', 'starts');
    lines.done('bbbbbb', 'is gone');
    lines.failed('cccccc', new FailedError('x', 'no room', ''));
    expect(shown).toEqual([
      '...  aaaaaa  starts  0.0 s',
      'ok   bbbbbb  is gone  0.0 s',
      'fail cccccc  no room  0.0 s',
    ]);
  });

  test('shows control characters of what is said by their codes', () => {
    const lines = linesOn(10);
    lines.failed('aaaaaa', new FailedError('x', 'said \u001b[2J', ''));
    expect(shown).toEqual(['✗ aaaaaa  said \\u001b[2J  0.0 s']);
  });
});

describe('where there are more servers than rows', () => {
  test('those that have ended leave, and of the others as many as fit are shown', () => {
    const lines = linesOn(4);
    for (const id of ['1', '2', '3', '4', '5', '6']) lines.now(id, 'starts');
    expect(shown).toEqual([
      '… 1  starts  0.0 s',
      '… 2  starts  0.0 s',
      '… 3  starts  0.0 s',
      '… and 3 more',
    ]);
    lines.done('5', 'serves');
    expect(left).toEqual(['✓ 5  serves  0.0 s']);
    lines.done('1', 'serves');
    lines.draw();
    expect(left).toEqual(['✓ 5  serves  0.0 s', '✓ 1  serves  0.0 s']);
    expect(shown).toHaveLength(4);
    expect(shown.at(-1)).toBe('… 6  starts  0.0 s');
  });

  test('each has had its line in the end, also one that still went on', () => {
    const lines = linesOn(2);
    for (const id of ['1', '2', '3', '4']) lines.now(id, 'leaves');
    lines.done('3', 'is gone');
    lines.close();
    expect(shown).toEqual([]);
    expect([...left].sort()).toEqual([
      '… 1  leaves  0.0 s',
      '… 2  leaves  0.0 s',
      '… 4  leaves  0.0 s',
      '✓ 3  is gone  0.0 s',
    ]);
  });
});
