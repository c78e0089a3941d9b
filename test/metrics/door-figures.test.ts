import { describe, expect, test } from 'vitest';
import { createDoorFigures } from '../../src/metrics/door-figures.ts';

const KEEP_MS = 300_000;

function figuresAt(clock: { ms: number }, maxPoolServers = 1_000) {
  return createDoorFigures({ figuresKeepMs: KEEP_MS, maxPoolServers }, () => clock.ms);
}

describe('what a door counts', () => {
  test('is told by class of status; 499 is one of its own, and what makes no sense counts as an error', () => {
    const figures = figuresAt({ ms: 0 });
    const tally = figures.tally('aaaaaa');
    for (const status of [101, 200, 204, 304, 404, 499, 500, 503, 999])
      figures.answered(tally, status, 2);
    const counts = figures.snapshot().servers.get('aaaaaa');
    expect(counts).toMatchObject({ requests: 9, errors: 3, sumMs: 18 });
    expect(counts?.byClass).toEqual({ '1xx': 1, '2xx': 2, '3xx': 1, '4xx': 1, '499': 1, '5xx': 3 });
  });

  test('is told per server and in all; what no server had a part in is only in all', () => {
    const figures = figuresAt({ ms: 0 });
    figures.answered(figures.tally('aaaaaa'), 200, 1);
    figures.answered(figures.tally('bbbbbb'), 200, null);
    figures.refused({ status: 503, reason: 'no_servers' }, 0.1);
    figures.refused({ status: 400 }, null);
    const { servers, total, ownAnswers } = figures.snapshot();
    expect([...servers].map(([id, { requests }]) => [id, requests])).toEqual([
      ['aaaaaa', 1],
      ['bbbbbb', 1],
    ]);
    expect(total).toMatchObject({ requests: 4, errors: 1 });
    expect(total.steps[0]).toBe(2);
    expect(ownAnswers).toEqual([
      { reason: 'no_servers', status: 503, count: 1 },
      { reason: 'refused', status: 400, count: 1 },
    ]);
  });

  test('of a server that has left stands apart for five minutes, and in all for ever', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock);
    figures.answered(figures.tally('aaaaaa'), 200, 1);
    figures.left('aaaaaa');
    clock.ms = KEEP_MS - 1;
    figures.turn();
    expect(figures.snapshot().servers.size).toBe(1);
    clock.ms = KEEP_MS;
    figures.turn();
    expect(figures.snapshot().servers.size).toBe(0);
    expect(figures.rates('aaaaaa')).toBeNull();
    expect(figures.snapshot().total.requests).toBe(1);
  });

  test('goes on where a server comes back in time', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock);
    figures.answered(figures.tally('aaaaaa'), 200, 1);
    figures.left('aaaaaa');
    figures.answered(figures.tally('aaaaaa'), 200, 1);
    clock.ms = 2 * KEEP_MS;
    figures.turn();
    expect(figures.snapshot().servers.get('aaaaaa')?.requests).toBe(2);
  });

  test('is bounded: of ten thousand servers that came and went the newest are kept, and no request is lost', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock, 10);
    for (let at = 0; at < 10_000; at += 1) {
      const id = `server-${at}`;
      figures.answered(figures.tally(id), 200, 1);
      figures.left(id);
      if (at % 1_000 === 999) figures.turn();
    }
    const { servers, total } = figures.snapshot();
    expect([...servers.keys()]).toEqual(
      Array.from({ length: 10 }, (_, at) => `server-${9_990 + at}`),
    );
    expect(total.requests).toBe(10_000);
  });
});

describe('rates', () => {
  test('are differences over the last five seconds, whatever a second really took', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock);
    const tally = figures.tally('aaaaaa');
    for (let second = 0; second < 10; second += 1) {
      for (let at = 0; at < 30; at += 1) figures.answered(tally, at === 0 ? 500 : 200, 1);
      tally.retried('broken');
      clock.ms += 1_500;
      figures.turn();
    }
    expect(figures.rates()).toMatchObject({ rps: 20, p50Ms: 0.5, p99Ms: 0.99 });
    expect(figures.rates('aaaaaa')?.errorsPerSecond).toBeCloseTo(2 / 3);
    expect(figures.rates('aaaaaa')?.retriesPerSecond).toBeCloseTo(2 / 3);
  });

  test('are zero without requests, and five seconds after the last', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock);
    expect(figures.rates()).toMatchObject({ rps: 0, p50Ms: null, history: { rps: [] } });
    figures.answered(figures.tally('aaaaaa'), 200, 1);
    for (let second = 0; second < 7; second += 1) {
      clock.ms += 1_000;
      figures.turn();
    }
    expect(figures.rates()).toMatchObject({ rps: 0, p50Ms: null, p99Ms: null });
  });

  test('of the last minute are kept, one a second, the oldest first', () => {
    const clock = { ms: 0 };
    const figures = figuresAt(clock);
    const tally = figures.tally('aaaaaa');
    for (let second = 1; second <= 70; second += 1) {
      for (let at = 0; at < second; at += 1) figures.answered(tally, 200, 20);
      clock.ms += 1_000;
      figures.turn();
    }
    const history = figures.rates('aaaaaa')?.history;
    expect(history?.rps).toEqual(Array.from({ length: 60 }, (_, at) => at + 11));
    expect(history?.p99Ms).toHaveLength(60);
    expect(history?.p99Ms.at(-1)).toBeCloseTo(24.85);
  });
});
