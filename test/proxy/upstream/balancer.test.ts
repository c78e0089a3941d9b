import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, rotation } from '../../helpers/clients.ts';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';
import { measured, request } from '../../helpers/yardstick.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

test('requests go round the servers in the order of their ports, also on one connection', async () => {
  const servers = [await fleet.serve('aaaaaa'), await fleet.serve('bbbbbb')];
  servers.push(await fleet.serve('cccccc'));
  const order = servers.sort((a, b) => a.port - b.port).map(({ id }) => id);
  const { port } = await fleet.open(3);
  expect(await rotation(port, 9)).toEqual([...order, ...order, ...order]);
});

test('counts of requests differ by at most one over any window, with many at once', async () => {
  const servers = await Promise.all(['aaaaaa', 'bbbbbb', 'cccccc'].map((id) => fleet.serve(id)));
  const { port } = await fleet.open(3);
  for (const window of [1, 10, 31, 100]) {
    const before = servers.map(({ seen }) => seen.length);
    await Promise.all(Array.from({ length: window }, () => ask(port)));
    const counts = servers.map(({ seen }, at) => seen.length - (before[at] ?? 0));
    expect(counts.reduce((sum, count) => sum + count)).toBe(window);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  }
});

test('--balance least-inflight prefers the server that has fewer requests', async () => {
  const waiting: (() => void)[] = [];
  const slow = await fleet.serve('aaaaaa', (_request, response) => {
    waiting.push(() => response.end());
  });
  const quick = await fleet.serve('bbbbbb');
  const { port } = await fleet.open(2, { balance: 'least-inflight' });
  const held = [ask(port), ask(port)];
  await until('the slow server has one', () => slow.seen.length === 1);
  for (let at = 0; at < 5; at += 1) expect((await ask(port)).by).toBe('bbbbbb');
  expect(quick.seen.length).toBeGreaterThanOrEqual(6);
  for (const release of waiting) release();
  await Promise.all(held);
});

test('a server at its cap is passed over, and when all are, the answer is 503 at once', async () => {
  const waiting: (() => void)[] = [];
  const hold = (_request: unknown, response: { end(): void }) => {
    waiting.push(() => response.end());
  };
  await fleet.serve('aaaaaa', hold);
  await fleet.serve('bbbbbb', hold);
  const { port } = await fleet.open(2, { maxInflight: 2 });
  const held = Array.from({ length: 4 }, () => ask(port));
  await until('four are in flight', () => waiting.length === 4);
  const { value: refused, ms, slackMs } = await measured(ask(port), request);
  expect(ms).toBeLessThan(500 + slackMs);
  expect([refused.status, refused.body]).toEqual([503, 'every server is busy\n']);
  for (const release of waiting) release();
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});
