import { access } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { withinAwake } from '../../src/time/awake-timer.ts';

const block = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};
const late = () => new Error('late');
const never = new Promise<never>(() => {});
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('a limit that counts only the time awake', () => {
  test('ends after it', async () => {
    const startMs = performance.now();
    await expect(withinAwake(never, 50, late)).rejects.toThrow('late');
    expect(performance.now() - startMs).toBeGreaterThan(48);
  });

  test('is whole when the process slept just before it began, in the same turn', async () => {
    await nextTurn();
    block(400);
    const startMs = performance.now();
    await expect(withinAwake(never, 200, late)).rejects.toThrow('late');
    expect(performance.now() - startMs).toBeGreaterThan(198);
  });

  test.each([220, 450, 1_000])('of 200 ms hears what came in a sleep of %i ms', async (ms) => {
    await nextTurn();
    const work = access('.');
    const heard = withinAwake(work, 200, late);
    block(ms);
    await expect(heard).resolves.toBeUndefined();
  });

  test('ends after it once more, however long the sleep was', async () => {
    await nextTurn();
    const heard = withinAwake(never, 200, late).catch(late);
    block(1_000);
    const startMs = performance.now();
    await heard;
    expect(performance.now() - startMs).toBeGreaterThan(198);
  });
});
