import { describe, expect, test } from 'vitest';
import { some, warn, well, within } from '../../src/doctor/check.ts';
import { checkMachine } from '../../src/doctor/machine.ts';
import { checkRedis } from '../../src/doctor/redis.ts';
import { StoreError } from '../../src/errors.ts';

const healthy = {
  facts: null,
  latencyMs: 1,
  clockAheadMs: 0,
  clockWithinMs: 0,
  lacking: [],
  channel: '{meow}:changes',
  events: { key: '{meow}:events', aheadMs: -5, trouble: null },
  guides: null,
};
const guides = { kind: 'sentinels', answered: 3, troubles: [], primaries: ['h:1'] } as const;
const gone = new StoreError('unavailable', 'Sentinel at h:2 does not answer', 'Start it');

describe('a check', () => {
  test('that does not come to an end is one that fails, and the others are not waited for', async () => {
    const never = () => new Promise<never>(() => {});
    const [found] = await within('redis', 10, never);
    expect(found).toMatchObject({ check: 'redis', ok: false, says: 'no answer within 0.01 s' });
    const ended = [well('redis', 'answers')];
    expect(await within('redis', 60_000, async () => ended)).toBe(ended);
  });

  test('names the first few of many', () => {
    expect(some(['a', 'b'])).toBe('a, b');
    expect(some(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBe('a, b, c, d, e and 2 more');
  });

  test.each([
    [null, true],
    [1_048_576, true],
    [1_024, 'warn'],
    [255, false],
  ] as const)('of %s open files says %s', (openFiles, ok) => {
    const [, files] = checkMachine({ node: '22.0.0', openFiles });
    expect(files?.ok).toBe(ok);
  });

  test.each([
    ['redis-latency', { latencyMs: 80 }, 'warn', '80.0 ms for an answer'],
    ['redis-latency', { latencyMs: 0.3 }, true, '0.3 ms for an answer'],
    ['clock', { clockAheadMs: 3_500 }, 'warn', "Redis' clock is 3.5 s ahead of this host's"],
    ['clock', { clockAheadMs: -9_000 }, 'warn', "Redis' clock is 9.0 s behind this host's"],
    // A slow answer leaves the clocks uncertain by as much.
    ['clock', { clockAheadMs: 3_500, clockWithinMs: 3_000 }, true, 'agree'],
    ['events', {}, true, 'can be read'],
    ['events', { events: { ...healthy.events, aheadMs: 1e15 } }, false, 'in the future'],
    ['redis-memory', {}, 'warn', 'INFO'],
    ['redis-rights', { lacking: ['HGETALL'] }, false, 'HGETALL'],
    ['redis-rights', { lacking: ['XADD', 'INFO'] }, 'warn', 'XADD, INFO'],
    ['redis-sentinels', { guides }, true, 'sentinels that answer: 3 of 3'],
    [
      'redis-sentinels',
      { guides: { ...guides, answered: 2, troubles: [gone] } },
      'warn',
      'sentinels that answer: 2 of 3: Sentinel at h:2 does not answer',
    ],
    [
      'redis-cluster',
      { guides: { ...guides, kind: 'cluster', primaries: ['h:1', 'h:2'] } },
      'warn',
      'they do not agree which is the primary: h:1, h:2',
    ],
  ] as const)('%s with %j says %s', (name, over, ok, says) => {
    const found = checkRedis('here', { ...healthy, ...over }, null).find(
      ({ check }) => check === name,
    );
    expect(found?.ok).toBe(ok);
    expect(found?.says).toContain(says);
  });

  test('that is not well has a remedy, and one that is well has none', () => {
    expect([well('a', 'b').remedy, warn('a', 'b', 'c').remedy]).toEqual([null, 'c']);
  });
});
