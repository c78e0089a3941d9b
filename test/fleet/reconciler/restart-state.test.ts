import { describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { AwakeFor } from '../../../src/fleet/reconciler/awake-for.ts';
import { CrashHistory } from '../../../src/fleet/reconciler/backoff.ts';
import { Case } from '../../../src/fleet/reconciler/restart-state.ts';

const newCase = () => new Case(new CrashHistory(defaults));

describe('a server that died', () => {
  test('is due once the wait after its death is over, and no more once it lives', () => {
    const found = newCase();
    expect([found.isKnownDead(), found.isDue(1_000)]).toEqual([false, false]);
    expect(found.died(false, 1_000)).toMatchObject({ next: 'again', delayMs: 1_000 });
    expect([found.isDue(1_999), found.isDue(2_000)]).toEqual([false, true]);
    found.lives();
    expect([found.isKnownDead(), found.isDue(9_000)]).toEqual([false, false]);
  });

  test('is due at once where it had run well', () => {
    const found = newCase();
    found.died(true, 5_000);
    expect(found.isDue(5_000)).toBe(true);
  });

  test('is never due once it has crashed', () => {
    const found = newCase();
    for (const nowMs of [0, 1, 2, 3]) {
      found.died(false, nowMs);
      found.lives();
    }
    expect(found.died(false, 4).next).toBe('crashed');
    expect(found.isDue(Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});

describe('a start that would make one too many', () => {
  test('is told once, and only when that lasts', () => {
    const found = newCase();
    const told = [0, 3_000, 5_999, 6_000, 6_001, 60_000].map((nowMs) =>
      found.isWorthTelling(nowMs, 6_000),
    );
    expect(told).toEqual([false, false, false, true, false, false]);
  });

  test('is told again when it was possible in between', () => {
    const found = newCase();
    expect([0, 6_000].map((nowMs) => found.isWorthTelling(nowMs, 6_000))).toEqual([false, true]);
    found.mayStart();
    const told = [7_000, 12_999, 13_000].map((nowMs) => found.isWorthTelling(nowMs, 6_000));
    expect(told).toEqual([false, false, true]);
  });
});

describe('leases of others are judged', () => {
  test('only by one that has been awake for a whole lease, with Redis there', () => {
    const awake = new AwakeFor({ leaseMs: 6_000, beatMs: 2_000 });
    const rounds = [1_000, 4_000, 7_000, 11_001, 14_000, 17_001].map((nowMs) => {
      awake.again(nowMs);
      return awake.longEnough(nowMs);
    });
    // Between 7 and 11.001 s somebody else's lease may have run out without a missed beat.
    expect(rounds).toEqual([false, false, true, false, false, true]);
  });
});
