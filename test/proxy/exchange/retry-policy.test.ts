import { describe, expect, test } from 'vitest';
import { type RetryFacts, RetryPolicy } from '../../../src/proxy/exchange/retry-policy.ts';
import { doorOptions } from '../../../src/proxy/options.ts';

describe('the retry policy', () => {
  const facts: RetryFacts = {
    failure: 'unconnected',
    method: 'GET',
    hasBody: false,
    poison: false,
    attempts: 1,
    repeated: false,
    elapsedMs: 0,
  };
  test.each<[string, Partial<RetryFacts>, boolean]>([
    ['a connection that never stood, GET', {}, true],
    ['a connection that never stood, POST with a body', { method: 'POST', hasBody: true }, true],
    ['the same, a second time', { attempts: 2 }, true],
    ['the same, a third time', { attempts: 3 }, false],
    ['the same, after five seconds', { elapsedMs: 5_001 }, false],
    ['a connection that broke, GET', { failure: 'broken' }, true],
    ['a connection that broke, PUT', { failure: 'broken', method: 'PUT' }, true],
    [
      'a connection that broke, PUT with a body',
      { failure: 'broken', method: 'PUT', hasBody: true },
      false,
    ],
    ['a connection that broke, POST', { failure: 'broken', method: 'POST' }, false],
    ['a connection that broke, PATCH', { failure: 'broken', method: 'PATCH' }, false],
    ['a connection that broke again', { failure: 'broken', repeated: true, attempts: 2 }, false],
    ['poison', { failure: 'broken', poison: true }, false],
    ['poison, where the connection never stood', { poison: true }, true],
    ['a server that was given up, GET', { failure: 'gone' }, true],
    ['a server that was given up, POST', { failure: 'gone', method: 'POST' }, false],
    ['a second server that was given up', { failure: 'gone', repeated: true, attempts: 2 }, false],
    ['an answer that made no sense', { failure: 'garbled' }, false],
    ['no answer in time', { failure: 'late' }, false],
    ['a client that stopped sending', { failure: 'stalled' }, false],
    ['a door without sockets', { failure: 'short' }, false],
  ])('%s', (_what, over, again) => {
    expect(new RetryPolicy(doorOptions()).allows({ ...facts, ...over })).toBe(again);
  });

  test('repeats after a break at most 20 % of a second’s requests, but three', () => {
    const policy = new RetryPolicy(doorOptions());
    const broken = () => policy.allows({ ...facts, failure: 'broken' });
    expect(Array.from({ length: 10 }, broken).filter(Boolean)).toHaveLength(3);
    for (let at = 0; at < 100; at += 1) policy.count();
    policy.turn();
    expect(Array.from({ length: 50 }, broken).filter(Boolean)).toHaveLength(20);
  });
});
