import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createId } from '../../src/ids.ts';
import { logPath, parseLogLine, tail } from '../../src/logs/files.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

function log(text: string): string {
  const path = join(temporaryFolder(), 'x.log');
  writeFileSync(path, text);
  return path;
}

describe('the tail of a log', () => {
  test.each([
    ['the last lines, without the end of the last', 'a\nb\nc\n', 2, ['b', 'c']],
    ['a line that is not finished', 'a\nb', 5, ['a', 'b']],
    ['nothing of an empty log', '', 5, []],
    ['nothing when nothing is asked for', 'a\n', 0, []],
    ['control characters escaped', '\u001b[2Jx\r\n', 5, ['\\u001b[2Jx']],
  ])('is %s', (_, text, lines, expected) => {
    expect(tail(log(text), lines)).toEqual(expected);
  });

  test('is nothing where there is no log', () => {
    expect(tail('/no/such.log', 5)).toEqual([]);
  });

  test('reads only the end of a huge log', () => {
    expect(tail(log(`${'x'.repeat(5_000_000)}\nlast\n`), 1)).toEqual(['last']);
  });
});

test('a line that begins as with a time, and with none that there is, is one without', () => {
  const line = '2026-11-29T99:99:99.000Z x';
  expect(parseLogLine(line)).toEqual({ at: null, stream: 'stderr', line });
  const known = { at: '2026-11-29T09:09:09.000Z', stream: 'stdout', line: 'x' };
  expect(parseLogLine('2026-11-29T09:09:09.000Z x')).toEqual(known);
});

test('each server has a log named for it in the state folder', () => {
  expect(logPath('/state', 'abc234')).toBe('/state/logs/abc234.log');
});

test('an id is six characters of a-z and 2-9, and a new one every time', () => {
  const ids = Array.from({ length: 1_000 }, createId);
  expect(ids.filter((id) => !/^[a-z2-9]{6}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(1_000);
});
