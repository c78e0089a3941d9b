import { describe, expect, test } from 'vitest';
import type { ServerView } from '../../src/model/overview.ts';
import { matches, nextSorting, sorted, unsorted } from '../../src/overview/sorting.ts';
import { stateInWords } from '../../src/overview/state-words.ts';

const view = (over: Partial<ServerView>) =>
  ({
    ...{ id: 'aaaaaa', url: 'http://127.0.0.1:3001', host: 'here', port: 3_001, app: 'cat' },
    ...{ state: 'up', door: 'usable', reason: '', rps: 0, startedAt: 0, ...over },
  }) as ServerView;

const ids = (servers: readonly ServerView[]) => servers.map(({ id }) => id).join(' ');

describe('the servers', () => {
  const a = view({ id: 'aaaaaa', port: 3_003, rps: 1, startedAt: 30 });
  const b = view({ id: 'bbbbbb', port: 3_001, rps: 7, startedAt: 10, door: 'out' });
  const c = view({ id: 'cccccc', port: 3_002, rps: 3, startedAt: 20, state: 'draining' });

  test.each([
    ['as the door tells them', [], 'cccccc aaaaaa bbbbbb'],
    ['the first port first', ['port'], 'bbbbbb cccccc aaaaaa'],
    ['the most requests first', ['rps'], 'bbbbbb cccccc aaaaaa'],
    ['the fewest requests first, at the second click', ['rps', 'rps'], 'aaaaaa cccccc bbbbbb'],
    ['as the door tells them, at the third', ['rps', 'rps', 'rps'], 'cccccc aaaaaa bbbbbb'],
    ['by the column that was clicked last', ['rps', 'id'], 'aaaaaa bbbbbb cccccc'],
    ['what wants looking at first', ['state'], 'bbbbbb cccccc aaaaaa'],
    ['the oldest first', ['uptime'], 'bbbbbb cccccc aaaaaa'],
    ['unchanged by a column that is none', ['__proto__'], 'cccccc aaaaaa bbbbbb'],
  ])('are shown %s', (_, clicks, order) => {
    expect(ids(sorted([c, a, b], clicks.reduce(nextSorting, unsorted)))).toBe(order);
  });

  test.each([
    ['', true],
    [' AAA', true],
    ['3001', true],
    ['refused', true],
    ['lost', false],
  ])('are found by %o: %s', (filter, is) => {
    expect(matches(view({ reason: 'Refused the connection' }), filter)).toBe(is);
  });
});

test.each([
  ['up', 'usable', 'up', 'good'],
  ['up', null, 'up', 'good'],
  ['up', 'doubtful', 'up, doubtful', 'warn'],
  ['up', 'out', 'up, out', 'bad'],
  ['lost', 'usable', 'lost', 'bad'],
  ['starting', 'out', 'starting', 'warn'],
  ['stopped', null, 'stopped', 'dim'],
] as const)(
  'a server that is %s, and to the door %s, is called "%s"',
  (state, door, text, tone) => {
    expect(stateInWords({ state, door })).toEqual({ text, tone });
  },
);
