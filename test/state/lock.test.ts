import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Lock, takeLock } from '../../src/state/lock.ts';
import { socketPath } from '../../src/state/socket-path.ts';
import { type Bundle, bundleFixture } from '../helpers/bundle.ts';
import { killAtEnd, temporaryFolder } from '../helpers/cleanup.ts';

const ROUNDS = 50;
const AT_ONCE = 8;
const BOOTING = 2;
/** Every so manyth winner is killed, the others let go: a process is dear. */
const KILLED_EVERY = 4;

let program: Bundle;
beforeAll(async () => {
  program = await bundleFixture('takes-up-lock.ts');
});
afterAll(() => program.remove());

function contender(): ChildProcess {
  const child = fork(program.file, { stdio: 'ignore', execArgv: [] });
  killAtEnd(child.pid ?? 0);
  return child;
}

const tries = (child: ChildProcess, home: string) => tells(child, home);

async function tells(child: ChildProcess, what: string | null): Promise<string> {
  const said = once(child, 'message');
  child.send({ home: what });
  const [text] = await said;
  return String(text);
}

async function held(home: string, about = 'me'): Promise<Lock> {
  const taken = await takeLock(home, 'up', about, 1_000);
  if (!('release' in taken)) throw new Error(`held by ${taken.about}`);
  onTestFinished(() => taken.release());
  return taken;
}

describe('the lock of a state folder', () => {
  test('is won by exactly one of eight at once, fifty times, over one that was killed or has let go', async () => {
    const home = temporaryFolder();
    const contenders = Array.from({ length: AT_ONCE }, contender);
    // Those that come in place of the killed boot meanwhile.
    const next = Array.from({ length: BOOTING }, contender);
    const winners: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const said = await Promise.all(contenders.map((child) => tries(child, home)));
      winners.push(said.filter((word) => word === 'won').length);
      const at = said.indexOf('won');
      const winner = contenders[at];
      if (!winner) break;
      const others = said.filter((word) => word !== 'won');
      expect(new Set(others)).toEqual(new Set([`held by ${winner.pid}`]));
      if (round % KILLED_EVERY > 0) {
        expect(await tells(winner, null)).toBe('let go');
        continue;
      }
      const gone = once(winner, 'exit');
      winner.kill('SIGKILL');
      await gone;
      contenders[at] = next.shift() ?? contender();
      next.push(contender());
    }
    expect(winners).toEqual(Array(ROUNDS).fill(1));
    expect(readdirSync(join(home, 'up')).length).toBeLessThan(10);
  });

  test('is held by one that is stopped, and free once that is killed', async () => {
    const home = temporaryFolder();
    const [stopped, other] = [contender(), contender()];
    expect(await tries(stopped, home)).toBe('won');
    stopped.kill('SIGSTOP');
    expect(await tries(other, home)).toBe('');
    const gone = once(stopped, 'exit');
    stopped.kill('SIGKILL');
    await gone;
    expect(await tries(other, home)).toBe('won');
  });

  test('is let go by its holder, and taken over by the next', async () => {
    const home = temporaryFolder();
    const first = await held(home, 'first');
    expect(await takeLock(home, 'up', 'second', 1_000)).toEqual({ about: 'first' });
    first.release();
    await held(home, 'second');
    expect(await takeLock(home, 'up', 'third', 1_000)).toEqual({ about: 'second' });
  });

  test('is not disturbed by what else lies in its folder', async () => {
    const home = temporaryFolder();
    mkdirSync(join(home, 'up', '7'), { recursive: true });
    writeFileSync(join(home, 'up', '8'), '');
    writeFileSync(join(home, 'up', 'notes.txt'), '');
    await held(home);
    expect(readdirSync(join(home, 'up')).sort()).toEqual(['7', '8', '9', 'notes.txt']);
  });

  test('is held elsewhere for a folder with a path too long for a socket', async () => {
    const home = join(temporaryFolder(), 'a'.repeat(100));
    mkdirSync(home);
    await held(home, 'me');
    expect(await takeLock(home, 'up', 'other', 1_000)).toEqual({ about: 'me' });
    expect(existsSync(join(home, 'up'))).toBe(false);
    const folder = dirname(socketPath(home, 'up/x'));
    onTestFinished(() => rmSync(dirname(folder), { recursive: true }));
    expect(readdirSync(folder)).toEqual(['1']);
  });
});
