import { expect, test } from 'vitest';
import { monotonicClock, until } from '../../src/time/until.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

test('polling gives what is there at the first look without a pause', async () => {
  const clock = fakeClock();
  expect(await until(() => 'there', { everyMs: 10, withinMs: 0, clock })).toBe('there');
  expect(clock.pauses).toEqual([]);
});

test.each([[false], [null], [undefined]])(
  'polling takes %s for nothing yet, but 0 and an empty text for something',
  async (nothing) => {
    const looks = [nothing, nothing, 0, 1];
    const found = await until(() => looks.shift(), { everyMs: 10, clock: fakeClock() });
    expect(found).toBe(0);
    expect(await until(() => '', { everyMs: 10, clock: fakeClock() })).toBe('');
  },
);

test('polling looks once at most after its limit, and gives null', async () => {
  const clock = fakeClock();
  let looks = 0;
  const look = async () => {
    looks += 1;
    return false;
  };
  expect(await until(look, { everyMs: 40, withinMs: 100, clock })).toBeNull();
  expect({ looks, pauses: clock.pauses }).toEqual({ looks: 4, pauses: [40, 40, 40] });
});

test('an abort ends polling after the look that goes on', async () => {
  const controller = new AbortController();
  const clock = fakeClock();
  const look = () => {
    if (clock.pauses.length === 2) controller.abort();
    return null;
  };
  const { signal } = controller;
  expect(await until(look, { everyMs: 1, withinMs: 9_000, signal, clock })).toBeNull();
  expect(clock.pauses).toEqual([1, 1]);
});

test('an abort during a pause ends polling without another look', async () => {
  const controller = new AbortController();
  const clock = fakeClock();
  let looks = 0;
  const look = () => {
    looks += 1;
    return null;
  };
  const pause = async (ms: number) => {
    await clock.pause(ms);
    controller.abort();
  };
  const polling = { everyMs: 1, withinMs: 9_000, signal: controller.signal };
  expect(await until(look, { ...polling, clock: { ...clock, pause } })).toBeNull();
  expect(looks).toBe(1);
});

test('the pauses of polling may grow with the number of looks', async () => {
  const clock = fakeClock();
  const everyMs = (looks: number) => Math.min(10 * 2 ** (looks - 1), 50);
  await until(() => null, { everyMs, withinMs: 150, clock });
  expect(clock.pauses).toEqual([10, 20, 40, 50, 50]);
});

test('polling throws what a look throws', async () => {
  const look = () => {
    throw new Error('no Redis');
  };
  await expect(until(look, { everyMs: 1, withinMs: 9_000 })).rejects.toThrow('no Redis');
});

test('the usual clock of polling is not set back and pauses in real time', async () => {
  const before = monotonicClock.nowMs();
  await monotonicClock.pause(20);
  expect(monotonicClock.nowMs() - before).toBeGreaterThan(18);
});
