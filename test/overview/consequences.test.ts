import { expect, test } from 'vitest';
import type { Overview, ServerView } from '../../src/model/overview.ts';
import { type FleetChange, question } from '../../src/overview/consequences.ts';

const server = (id: string, over: Partial<ServerView> = {}) =>
  ({
    id,
    url: `http://127.0.0.1:3001`,
    app: 'cat',
    here: true,
    state: 'up',
    inflight: 0,
    ...over,
  }) as ServerView;

const fleet = (...servers: ServerView[]) =>
  ({ servers, door: { host: 'web-01' } }) as unknown as Overview;

const three = fleet(
  server('aaaaaa', { inflight: 2 }),
  server('bbbbbb'),
  server('cccccc', { here: false }),
);

const withWorker = fleet(server('aaaaaa'), server('wwwwww', { app: 'worker.js', worker: true }));
const twoApps = fleet(server('aaaaaa'), server('bbbbbb', { app: 'server.js' }));

test.each<[FleetChange, Overview, RegExp]>([
  [
    { verb: 'spawn', count: 1 },
    three,
    /^Starts 1 server more on web-01.* It gets requests once it is ready/,
  ],
  [{ verb: 'spawn', count: 3 }, three, /^Starts 3 servers more .* Each gets requests/],
  [{ verb: 'scale', count: 2 }, three, /^web-01 runs 2 servers\. .*nothing changes\.$/],
  [{ verb: 'scale', count: 5 }, three, /Starts 3 more/],
  [{ verb: 'scale', count: 1 }, three, /Ends the 1 server that started last/],
  [{ verb: 'scale', count: 0 }, three, /Stops all of them, .* 1 server goes on\.$/],
  [
    { verb: 'restart', id: null },
    three,
    /^Replaces each of the 2 servers on web-01 .* no request is lost\.$/,
  ],
  [
    { verb: 'restart', id: 'bbbbbb' },
    three,
    /in the place of bbbbbb \(cat at http:\/\/127\.0\.0\.1:3001\)/,
  ],
  [
    { verb: 'destroy', id: 'aaaaaa' },
    three,
    /finishes the 2 requests that it has and ends.* 2 servers go on\.$/,
  ],
  [
    { verb: 'destroy', id: 'aaaaaa' },
    fleet(server('aaaaaa')),
    /gets nothing new and ends.* clients get 503\.$/,
  ],
  [
    { verb: 'scale', count: 0 },
    fleet(server('aaaaaa')),
    /^web-01 runs 1 server\..* clients get 503\.$/,
  ],
  [{ verb: 'scale', count: 1 }, withWorker, /^web-01 runs 1 server\. .*nothing changes\.$/],
  [{ verb: 'scale', count: 0 }, withWorker, /Stops all of them and what takes no requests, each/],
  [{ verb: 'restart', id: null }, withWorker, /each of the 2 servers/],
  [{ verb: 'restart', id: 'wwwwww' }, withWorker, /\(worker\.js\)\. The old one is told to end/],
  [
    { verb: 'destroy', id: 'wwwwww' },
    withWorker,
    /^wwwwww \(worker\.js\) is told to end\. It is not started again\.$/,
  ],
  [{ verb: 'destroy', id: 'aaaaaa' }, withWorker, / clients get 503\.$/],
  [{ verb: 'spawn', count: 1 }, twoApps, /^Servers of several apps .*`meowctl spawn 1 --app FILE`/],
  [{ verb: 'scale', count: 3 }, twoApps, /may be refused: `meowctl scale 3 --app FILE`/],
  [{ verb: 'scale', count: 0 }, twoApps, /Stops all of them/],
])('before %o the page says what will happen', (change, now, said) => {
  expect(question(change, now).text).toMatch(said);
});

test('what ends servers is marked as such', () => {
  const isHarsh = (change: FleetChange) => question(change, three).isHarsh ?? false;
  expect(isHarsh({ verb: 'destroy', id: 'aaaaaa' })).toBe(true);
  expect(isHarsh({ verb: 'scale', count: 1 })).toBe(true);
  expect(isHarsh({ verb: 'scale', count: 3 })).toBe(false);
  expect(isHarsh({ verb: 'restart', id: null })).toBe(false);
});
