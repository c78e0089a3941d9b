import { describe, expect, test } from 'vitest';
import { FailedError } from '../src/errors.ts';
import { type BackgroundWork, repeat } from '../src/loop.ts';
import { until } from './helpers/until.ts';

/** Rounds that follow each other at once and do in turn what they are given, the last for ever. */
function inTurn(rounds: readonly (() => unknown)[], more: Partial<BackgroundWork> = {}) {
  const lines: string[] = [];
  let done = 0;
  const background = repeat({
    name: 'cleaner',
    every: () => 1,
    work: async () => {
      const work = rounds[Math.min(done++, rounds.length - 1)];
      await work?.();
    },
    log: (line) => lines.push(line),
    ...more,
  });
  return {
    ...{ background, lines },
    /** Waits for so many rounds, then for the end. */
    async endAfter(count: number) {
      await until('the rounds are done', () => done >= count);
      await background.stop();
    },
  };
}

const good = () => {};
const fails = (error: unknown) => () => {
  throw error;
};

describe('work in the background', () => {
  test.each([
    ['an error of ours', new FailedError('x', 'no room', 'Make room'), 'no room. Make room'],
    [
      'an error of the system',
      Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        syscall: 'write',
      }),
      'no space left on device',
    ],
    ['what is no error', 'odd\u001b[2J', 'odd\\u001b[2J'],
  ])('goes on after %s, and says it once', async (_, error, said) => {
    const { lines, endAfter } = inTurn([fails(error), fails(error), fails(error), good]);
    await endAfter(6);
    expect(lines).toEqual([`cleaner: ${said}`, 'cleaner: works again']);
  });

  test('says where a mistake of ours was made', async () => {
    const { lines, endAfter } = inTurn([fails(new TypeError('x is not a function')), good]);
    await endAfter(3);
    expect(lines[0]).toMatch(/^cleaner: TypeError: x is not a function at .*loop\.test\.ts/);
  });

  test('says each trouble of one time once, and the same trouble of another time again', async () => {
    const [a, b] = [fails(new Error('a')), fails(new Error('b'))];
    const { lines, endAfter } = inTurn([a, b, a, b, good, a, good]);
    await endAfter(8);
    const said = lines.map((line) => line.replace(/Error: | at .*/g, ''));
    const over = 'cleaner: works again';
    expect(said).toEqual(['cleaner: a', 'cleaner: b', over, 'cleaner: a', over]);
  });

  test('does not fill a log with a trouble that is never told twice in the same words', async () => {
    let count = 0;
    const { lines, endAfter } = inTurn([() => fails(new Error(`no. ${count++}`))()]);
    await endAfter(200);
    expect(lines).toHaveLength(20);
  });

  test('leaves unsaid what somebody else says, its end too', async () => {
    const { lines, endAfter } = inTurn([fails(new Error('Redis is away')), good], {
      isTold: (error) => error instanceof Error && error.message === 'Redis is away',
    });
    await endAfter(3);
    expect(lines).toEqual([]);
  });

  test('waits longer the more rounds in a row have failed', async () => {
    const asked: number[] = [];
    const every = (failed: number) => {
      asked.push(failed);
      return 1;
    };
    const { endAfter } = inTurn([fails('a'), fails('b'), good], { every });
    await endAfter(4);
    expect(asked.slice(0, 4)).toEqual([0, 1, 2, 0]);
  });

  test('never does two rounds at once, and one more for all that was asked for during one', async () => {
    let [now, most, done] = [0, 0, 0];
    let release = () => {};
    const background = repeat({
      name: 'slow',
      every: () => 60_000,
      work: async () => {
        most = Math.max(most, ++now);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        now--;
        done++;
      },
      log: () => {},
    });
    for (let at = 0; at < 5; at++) background.soon();
    await until('the first round runs', () => now === 1);
    release();
    await until('another one runs', () => done === 1 && now === 1);
    release();
    await until('it is done', () => done === 2);
    await background.stop();
    expect([most, done]).toEqual([1, 2]);
  });

  test('ends with the round that is going on, and does none after it', async () => {
    let [began, done] = [0, 0];
    let release = () => {};
    const background = repeat({
      name: 'slow',
      every: () => 1,
      work: async () => {
        began++;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        done++;
      },
      log: () => {},
    });
    await until('a round runs', () => began === 1);
    background.soon();
    const stopped = background.stop();
    release();
    await stopped;
    expect(done).toBe(1);
    background.soon();
    expect(began).toBe(1);
  });
});
