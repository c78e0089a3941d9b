import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hasEnded } from '../../../src/cli/up/older.ts';
import { killAtEnd } from '../../helpers/cleanup.ts';

/** A process that has memory to give back, which it does before it is gone. */
async function runs() {
  const program =
    'const much = Buffer.alloc(5e7, 1); console.log(much.length); setInterval(() => {}, 1e6)';
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = child.pid ?? 0;
  killAtEnd(pid);
  await once(child.stdout, 'data');
  return { child, pid };
}

test('one that was just killed has ended, though it is seen for some ms more', async () => {
  const { child, pid } = await runs();
  const hungUp = once(child.stdout, 'end');
  process.kill(pid, 'SIGKILL');
  expect(await hasEnded({ pid })).toBe(true);
  await hungUp;
});

test('one that runs on has not ended', async () => {
  const { pid } = await runs();
  expect(await hasEnded({ pid })).toBe(false);
});
