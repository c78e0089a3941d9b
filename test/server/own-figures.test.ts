import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { OwnFigures } from '../../src/server/own-figures.ts';
import { until } from '../helpers/until.ts';

const block = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

test('a server that runs its app itself tells what its own process uses', () => {
  const figures = new OwnFigures({}, () => 3);
  expect(figures.said()).toEqual({});
  figures.measure();
  const before = figures.said().figures;
  expect(before).toMatchObject({ loopMs: null, restarts: 3 });
  expect(before?.rss).toBeGreaterThan(before?.heap ?? Number.POSITIVE_INFINITY);
  block(50);
  figures.measure();
  expect(figures.said().figures?.cpuMs).toBeGreaterThan(before?.cpuMs ?? Number.POSITIVE_INFINITY);
});

test('how late its event loop was is told for the time since the beat before', async () => {
  const figures = new OwnFigures({}, () => 0);
  figures.start();
  onTestFinished(() => figures.stop());
  await pause(600);
  block(400);
  await pause(100); // the look that was late is only now counted
  const slow = await until('it is told', () => {
    figures.measure();
    return (figures.said().figures?.loopMs ?? 0) > 250 && figures.said().figures?.loopMs;
  });
  // What comes at once after a beat has nothing to tell yet.
  figures.measure();
  expect(figures.said().figures?.loopMs).toBe(slow);
  await until('a quiet time follows', async () => {
    await pause(600);
    figures.measure();
    return (figures.said().figures?.loopMs ?? slow) < 100;
  });
});

test('one of a program tells what the program’s processes use, and nothing of its own', () => {
  const usage = { rss: 5_000, cpuMs: 70 };
  const figures = new OwnFigures({ usage: () => usage }, () => 0);
  figures.start();
  figures.measure();
  expect(figures.said().figures).toEqual({
    rss: 5_000,
    cpuMs: 70,
    heap: null,
    loopMs: null,
    restarts: 0,
  });
});

test('a program that is gone is no reason not to beat', () => {
  const figures = new OwnFigures({ usage: () => null }, () => 0);
  figures.measure();
  expect(figures.said().figures).toMatchObject({ rss: null, cpuMs: null });
});
