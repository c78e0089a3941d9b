import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBalancer } from '../../../src/proxy/upstream/balancer.ts';
import {
  EVENTS,
  STATES,
  transition,
  type UpstreamEvent,
  type UpstreamState,
} from '../../../src/proxy/upstream/states.ts';
import { createUpstream, type Upstream } from '../../../src/proxy/upstream/upstream.ts';

const NO_CAP = Number.MAX_SAFE_INTEGER;

function upstreams(count: number): Upstream[] {
  return Array.from({ length: count }, (_, at) =>
    createUpstream(String(at), `http://127.0.0.1:${3_001 + at}`, {} as never),
  );
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

describe('round robin, whatever the number of servers', () => {
  test('differs by at most one over any window of requests', () => {
    const window = fc.record({ from: fc.nat(200), length: fc.nat(200) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), window, (count, { from, length }) => {
        const all = upstreams(count);
        const balancer = createBalancer('round-robin', NO_CAP);
        for (let at = 0; at < from; at += 1) balancer.next(all, []);
        const chosen = Array.from({ length }, () => balancer.next(all, []));
        expect(spread(all.map((one) => chosen.filter((each) => each === one).length))).toBeLessThan(
          2,
        );
      }),
    );
  });

  test('chooses no server that was tried or is at its cap, and one wherever there is another', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ inflight: fc.nat(3), isTried: fc.boolean() }), { maxLength: 8 }),
        fc.constantFrom('round-robin' as const, 'least-inflight' as const),
        fc.nat(20),
        (given, balance, before) => {
          const all = upstreams(given.length);
          const balancer = createBalancer(balance, 2);
          for (let at = 0; at < before; at += 1) balancer.next(all, []);
          for (const [at, one] of all.entries()) one.inflight = given[at]?.inflight ?? 0;
          const tried = all.filter((_, at) => given[at]?.isTried);
          const free = all.filter((one) => one.inflight < 2 && !tried.includes(one));
          const chosen = balancer.next(all, tried);
          expect(chosen === null ? free.length === 0 : free.includes(chosen)).toBe(true);
        },
      ),
    );
  });
});

test('the fewest requests in flight stay even, whatever the order in which requests end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(7)), (count, ends) => {
      const all = upstreams(count);
      const balancer = createBalancer('least-inflight', NO_CAP);
      for (const end of ends) {
        const chosen = balancer.next(all, []);
        const least = Math.min(...all.map(({ inflight }) => inflight));
        expect(chosen?.inflight).toBe(least);
        if (chosen) chosen.inflight += 1;
        const ending = all[end % count];
        if (ending && ending.inflight > 1) ending.inflight -= 1;
      }
    }),
  );
});

describe('an upstream, whatever happens to it in whatever order', () => {
  const lives = fc.array(fc.record({ event: fc.constantFrom(...EVENTS), leased: fc.boolean() }), {
    maxLength: 30,
  });
  const first = fc.constantFrom(...STATES);
  const isRoutable = (state: UpstreamState | 'gone') => state === 'healthy' || state === 'suspect';

  /** Each step of its life, until it is forgotten; `in` leads where the pool leads it. */
  function stepsOf(
    begin: UpstreamState,
    life: readonly { event: UpstreamEvent; leased: boolean }[],
  ) {
    const steps: { from: UpstreamState; event: UpstreamEvent; to: UpstreamState | 'gone' }[] = [];
    let from = begin;
    for (const { event, leased } of life) {
      const next = transition(from, event) ?? from;
      const to = next === 'in' ? (leased ? 'healthy' : 'suspect') : next;
      steps.push({ from, event, to });
      if (to === 'gone') break;
      from = to;
    }
    return steps;
  }

  test('gets requests again only when it says that it is up or passes a health check; after a failure only by that', () => {
    fc.assert(
      fc.property(first, lives, (begin, life) => {
        const back = stepsOf(begin, life).filter(
          ({ from, to }) => !isRoutable(from) && isRoutable(to),
        );
        for (const { from, event } of back) {
          expect(from === 'failed' ? ['passed'] : ['leased', 'passed']).toContain(event);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('gets none from when it drains or is denied until its record is gone', () => {
    fc.assert(
      fc.property(fc.constantFrom('draining', 'denied'), lives, (begin, life) => {
        for (const { event, to } of stepsOf(begin, life)) {
          expect(to).toBe(event === 'vanished' ? 'gone' : begin);
        }
      }),
    );
  });

  test('is never forgotten while it gets requests: a record that vanished makes it suspect', () => {
    fc.assert(
      fc.property(first, lives, (begin, life) => {
        for (const { from, event, to } of stepsOf(begin, life)) {
          if (!isRoutable(from)) continue;
          expect(to).not.toBe('gone');
          if (event === 'vanished') expect(to).toBe('suspect');
        }
      }),
      { numRuns: 500 },
    );
  });
});
