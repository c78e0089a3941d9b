import { expect, test } from 'vitest';
import { CpuShares } from '../../../src/admin/overview/cpu-shares.ts';

/** The share that each look finds; a beat every 2 s, a look every 1 s. */
function looks(shares: CpuShares, told: readonly number[]): (number | null)[] {
  return told.map((cpuMs, second) => shares.share('abc234', cpuMs, second * 1_000));
}

test('the share of a core is the CPU time between beats, over the time between them', () => {
  const told = [0, 0, 500, 500, 1_000, 1_000, 1_500];
  expect(looks(new CpuShares(), told)).toEqual([null, null, 0.25, 0.25, 0.25, 0.25, 0.25]);
});

test('a server that uses nothing more is seen to fall idle', () => {
  const told = [0, 2_000, ...Array<number>(20).fill(2_000)];
  const found = looks(new CpuShares(), told);
  expect(found[1]).toBe(2);
  expect(found.at(-1)).toBeLessThan(0.2);
});

test('CPU time that goes back belongs to another process', () => {
  const shares = new CpuShares();
  expect(looks(shares, [5_000, 6_000, 100]).at(-1)).toBeNull();
});

test('of a server that is gone nothing is kept', () => {
  const shares = new CpuShares();
  looks(shares, [0, 1_000]);
  shares.keepOnly(new Set());
  expect(shares.share('abc234', 2_000, 5_000)).toBeNull();
});
