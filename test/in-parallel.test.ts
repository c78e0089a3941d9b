import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inParallel } from '../src/in-parallel.ts';

/** Works on 1 to 7, and notes who begins and how many work at the same time. */
async function work(most: number, isOver?: (begun: readonly number[]) => boolean) {
  const begun: number[] = [];
  let now = 0;
  let highest = 0;
  const items = [1, 2, 3, 4, 5, 6, 7];
  const one = async (item: number) => {
    begun.push(item);
    now += 1;
    highest = Math.max(highest, now);
    for (let turns = 0; turns < 2; turns++) await turn();
    now -= 1;
  };
  await inParallel(items, most, one, isOver && (() => isOver(begun)));
  return { begun, highest, now };
}

test.each([
  [1, 1],
  [3, 3],
  [9, 7],
])(
  'of 7 items %i at a time are worked on as %i, in their order, and all are done',
  async (most, highest) => {
    expect(await work(most)).toEqual({ begun: [1, 2, 3, 4, 5, 6, 7], highest, now: 0 });
  },
);

test('parallel work that is over finishes what is going on and begins nothing more', async () => {
  const { begun, now } = await work(2, (all) => all.length >= 4);
  expect({ begun, now }).toEqual({ begun: [1, 2, 3, 4], now: 0 });
});

test('a failure in parallel work comes out', async () => {
  const fail = async (item: number) => {
    if (item === 2) throw new Error('no room');
  };
  await expect(inParallel([1, 2, 3], 1, fail)).rejects.toThrow('no room');
});

test('parallel work without items does nothing', async () => {
  await inParallel([], 4, () => Promise.reject(new Error('never called')));
});
