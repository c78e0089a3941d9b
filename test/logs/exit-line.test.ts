import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exitInLog } from '../../src/logs/exit-line.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

const stamp = '2026-01-01T00:00:00.000Z! ';
const said = 'meowctl: ended with exit code 3, and nobody had told it to leave';
const again = 'meowctl: not started again: its file is gone';

test.each([
  ['the last line', [said], 'ended with exit code 3'],
  ['a line below which the keeper wrote', [said, again], 'ended with exit code 3'],
  ['a line in the middle of what an app says', [`it says ${said}`], null],
  ['a line of long ago', [said, ...Array.from({ length: 9 }, () => 'more')], null],
  ['no line at all', [], null],
])('how a process ended is read from %s of its log', (_, lines, how) => {
  const home = temporaryFolder();
  mkdirSync(join(home, 'logs'));
  const text = lines.map((line) => `${stamp}${line}\n`).join('');
  writeFileSync(join(home, 'logs', 'abc234.log'), text);
  expect([exitInLog(home, 'abc234'), exitInLog(home, 'zzz222')]).toEqual([how, null]);
});
