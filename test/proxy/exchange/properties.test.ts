import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextPhase, PHASE_EVENTS, PHASES, type Phase } from '../../../src/proxy/exchange/phases.ts';
import { ResponseHead } from '../../../src/proxy/exchange/response-head.ts';
import { type RetryFacts, RetryPolicy } from '../../../src/proxy/exchange/retry-policy.ts';
import { doorOptions } from '../../../src/proxy/options.ts';
import type { Failure } from '../../../src/proxy/upstream/failure.ts';

const events = fc.array(fc.constantFrom(...PHASE_EVENTS), { maxLength: 20 });

describe('an attempt, whatever happens in whatever order', () => {
  test('never goes back to an earlier phase, and is over once it is left', () => {
    fc.assert(
      fc.property(events, (all) => {
        let phase: Phase = 'connecting';
        for (const event of all) {
          const next = nextPhase(phase, event);
          expect(PHASES.indexOf(next)).toBeGreaterThanOrEqual(PHASES.indexOf(phase));
          if (phase === 'over' || event === 'left') expect(next).toBe('over');
          phase = next;
        }
      }),
    );
  });

  test('answers only after its connection stood and a head came', () => {
    fc.assert(
      fc.property(events, (all) => {
        let phase: Phase = 'connecting';
        const seen = new Set<string>();
        for (const event of all) {
          seen.add(event);
          phase = nextPhase(phase, event);
          if (phase !== 'answering') continue;
          expect(seen.has('head')).toBe(true);
          expect(seen.has('connected') || seen.has('connectedWithBody')).toBe(true);
        }
      }),
    );
  });
});

describe('the retry policy, whatever happened', () => {
  const failures: Failure[] = [
    ...(['unconnected', 'short', 'broken', 'gone', 'garbled', 'late', 'stalled'] as const),
    'invalid',
  ];
  const facts: fc.Arbitrary<RetryFacts> = fc.record({
    failure: fc.constantFrom(...failures),
    method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'),
    hasBody: fc.boolean(),
    poison: fc.boolean(),
    attempts: fc.integer({ min: 1, max: 5 }),
    repeated: fc.boolean(),
    elapsedMs: fc.nat(10_000),
  });

  test('sends nothing twice that may have been done and is not idempotent, nor any body', () => {
    fc.assert(
      fc.property(facts, (one) => {
        const mayBeDone = one.failure !== 'unconnected';
        const isSafe = !['POST', 'PATCH', 'REPORT'].includes(one.method) && !one.hasBody;
        const again = new RetryPolicy(doorOptions()).allows(one);
        if (again && mayBeDone)
          expect([isSafe, one.poison, one.repeated]).toEqual([true, false, false]);
        if (again) expect(['unconnected', 'broken', 'gone']).toContain(one.failure);
      }),
      { numRuns: 500 },
    );
  });

  test('repeats with `connect` only what never had a connection', () => {
    fc.assert(
      fc.property(facts, (one) => {
        const policy = new RetryPolicy({ ...doorOptions(), retry: 'connect' });
        if (policy.allows(one)) expect(one.failure).toBe('unconnected');
      }),
    );
  });
});

describe('the head of an answer, whatever a server sends', () => {
  const hop = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
  const token = fc.stringMatching(/^[a-z0-9-]{1,10}$/);
  const name = fc.oneof(
    token,
    fc.constantFrom(...hop, 'Proxy-Authenticate', 'X-Served-By', 'Content-Length', 'Set-Cookie'),
  );
  const value = fc.oneof(
    token,
    fc.array(name, { maxLength: 3 }).map((names) => names.join(',')),
    fc.constantFrom('chunked', '12', 'close'),
  );
  const client = { serverId: 'abc234', trailersPossible: false, last: false };

  test('has nothing of the connection to the server, and one word on who served it: the door’s', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (lines) => {
        const sent = new ResponseHead(200, lines.flat()).finish(client);
        const names = sent.filter((_, at) => at % 2 === 0).map((each) => each.toLowerCase());
        expect(names.filter((each) => hop.includes(each))).toEqual([]);
        expect(names.filter((each) => each === 'x-served-by')).toHaveLength(1);
        expect(sent.slice(-2)).toEqual(['X-Served-By', 'abc234']);
      }),
      { numRuns: 500 },
    );
  });
});
