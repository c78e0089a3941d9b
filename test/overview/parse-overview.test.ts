import { describe, expect, test } from 'vitest';
import { parseOverview } from '../../src/overview/parse-overview.ts';
import { overviewOf, serverView } from '../helpers/overview.ts';

const good = overviewOf([serverView(), serverView({ id: 'bbbbbb', door: null, rss: null })]);

describe('an overview that came over a wire', () => {
  test('is taken as it is, with what is not known yet', () => {
    const more = { ...good, later: [1] };
    expect(parseOverview(JSON.stringify(more))).toEqual(more);
    expect(parseOverview(JSON.stringify({ ...good, queue: null }))?.queue).toBe(null);
  });

  test.each([
    ['is cut off', JSON.stringify(good).slice(0, -5)],
    ['is empty', ''],
    ['is a list', '[]'],
    ['is null', 'null'],
    ['has no servers', JSON.stringify({ ...good, servers: undefined })],
    [
      'has a server without an id',
      JSON.stringify(overviewOf([serverView({ id: 7 as unknown as string })])),
    ],
    [
      'has a rate that is a text',
      JSON.stringify(overviewOf([serverView({ rps: '9' as unknown as number })])),
    ],
    [
      'has a history of texts',
      JSON.stringify(overviewOf([serverView({ history: ['x'] as unknown as number[] })])),
    ],
    ['has no door', JSON.stringify({ ...good, door: null })],
    ['does not say how Redis is', JSON.stringify({ ...good, redis: {} })],
  ])('is none where it %s', (_what, text) => {
    expect(parseOverview(text)).toBe(null);
  });
});
