import { expect, test } from 'vitest';
import { runToEnd } from '../../src/process/system-commands.ts';

const env = { PATH: process.env.PATH ?? '' };
const LONG_MS = 120_000;

test.each<[string, string, readonly string[], number, number | null]>([
  ['its exit code', 'sh', ['-c', 'echo said; exit 3'], LONG_MS, 3],
  ['0 where all is well', 'true', [], LONG_MS, 0],
  ['null where it cannot be started', '/nowhere/at/all', [], LONG_MS, null],
  ['null where it does not end in time', 'sleep', ['600'], 100, null],
  ['null where a signal ended it', 'sh', ['-c', 'kill -KILL $$'], LONG_MS, null],
])('a program run to its end gives %s', async (_, command, args, withinMs, code) => {
  expect((await runToEnd({ command, args, env, cwd: '/' }, withinMs)).code).toBe(code);
});
