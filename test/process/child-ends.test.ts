import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { ChildEnds } from '../../src/process/child-ends.ts';
import { hasEnded } from '../../src/process/terminate.ts';
import { until } from '../helpers/until.ts';

test.each([
  ['exit 3', 'ended with exit code 3'],
  ['exit 0', 'ended with exit code 0'],
  ['kill -KILL $$', 'was ended by SIGKILL'],
  ['kill -SEGV $$', 'was ended by SIGSEGV'],
])(
  'the end of a child that does `%s` is told as %s, whenever it is asked for',
  async (line, how) => {
    const ends = new ChildEnds();
    const [early, late] = ['abc234', 'def234'] as const;
    const start = () => spawn('/bin/sh', ['-c', `read -r word; ${line}`]);
    const child = start();
    ends.watch(early, child);
    child.stdin.end('go\n');
    await until('it has ended', () => hasEnded(child));
    ends.watch(late, child);
    expect([await ends.of(early), await ends.of(late)]).toEqual([how, how]);
  },
);

test('of a server that runs, or that somebody else started, no end is told', async () => {
  const ends = new ChildEnds();
  const child = spawn('/bin/sh', ['-c', 'read -r word']);
  ends.watch('abc234', child);
  expect([await ends.of('abc234'), await ends.of('zzz222')]).toEqual([null, null]);
  child.stdin.end('go\n');
});
