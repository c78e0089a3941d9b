import { describe, expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import {
  CrashHistory,
  decisionInWords,
  type RestartDecision,
} from '../../../src/fleet/reconciler/backoff.ts';

/** What each of these deaths brings, at these seconds; `!` of one that had not run well. */
function sentences(...deaths: readonly string[]): string[] {
  const all = new CrashHistory(defaults);
  return deaths.map((text) => {
    const [at = ''] = text.split('!');
    const { next, delayMs } = all.add(!text.endsWith('!'), Number(at) * 1_000);
    return next === 'crashed'
      ? 'crashed'
      : `${next === 'again' ? '' : 'slowly '}${delayMs / 1_000}`;
  });
}

describe('a death', () => {
  test.each([
    ['of a server that ran well is answered at once', ['0'], ['0']],
    ['of one that did not is answered after a second', ['0!'], ['1']],
    [
      'that is the second within a minute waits, and each further one twice as long',
      ['0', '11', '23!', '30'],
      ['0', '1', '2', '4'],
    ],
    [
      'at every start waits twice as long each time, and the fifth is the last',
      ['0!', '1!', '3!', '7!', '15!'],
      ['1', '2', '4', '8', 'crashed'],
    ],
    [
      'a minute after the last one is the first again',
      ['0', '61', '122', '183'],
      ['0', '0', '0', '0'],
    ],
    [
      'is the fifth only within one minute',
      ['0', '15', '30', '45', '60.1', '75.2'],
      ['0', '1', '2', '4', '8', '8'],
    ],
  ])('%s', (_, deaths, expected) => {
    expect(sentences(...deaths)).toEqual(expected);
  });

  test('that is the eleventh within ten minutes waits for half a minute, however well each one looked', () => {
    const often = Array.from({ length: 12 }, (_, at) => String(at * 50));
    expect(sentences(...often).slice(-3)).toEqual(['2', 'slowly 30', 'slowly 30']);
  });

  test.each<[RestartDecision, string]>([
    [
      { next: 'again', delayMs: 0, count: 1 },
      'server abc234 on port 3001 died; started again at once',
    ],
    [
      { next: 'again', delayMs: 2_000, count: 3 },
      'server abc234 on port 3001 died; started again in 2 s',
    ],
    [
      { next: 'again-slowly', delayMs: 30_000, count: 11 },
      'server abc234 on port 3001 died, 11 times within 10 minutes; started again in 30 s',
    ],
    [
      { next: 'crashed', delayMs: 0, count: 5 },
      'server abc234 died 5 times within 60 s: it is left alone until `meowctl restart abc234`',
    ],
  ])('is said: %o', (decision, words) => {
    expect(decisionInWords(decision, 'abc234', 3001, defaults)).toBe(words);
  });
});
