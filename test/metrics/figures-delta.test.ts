import { expect, test } from 'vitest';
import { createDoorFigures } from '../../src/metrics/door-figures.ts';
import { FiguresTold, OpenElsewhere } from '../../src/metrics/figures-delta.ts';

const make = () => createDoorFigures({ figuresKeepMs: 1_000, maxPoolServers: 10 }, () => 0);

/** The n-th of a mix of everything that is counted. */
function countOne(figures: ReturnType<typeof make>, at: number): void {
  const tally = figures.tally(at % 2 === 0 ? 'aaaaaa' : 'bbbbbb');
  figures.answered(tally, at % 5 === 0 ? 502 : 200, at);
  tally.retried('broken');
  tally.ejected('refused');
  tally.probes.good += 1;
  tally.webSockets += 1;
  if (at % 4 === 0) figures.refused({ status: 400, reason: 'bad_request' }, 1);
}

test('what two processes count, told bit by bit, adds up to what one would have counted', () => {
  const [one, two, all, sum] = [make(), make(), make(), make()];
  const told = [new FiguresTold(one), new FiguresTold(two)];
  const tell = () => {
    for (const delta of told.map((each) => each.next())) if (delta) sum.merge(delta);
  };
  for (let at = 0; at < 30; at += 1) {
    countOne(at % 3 === 0 ? one : two, at);
    countOne(all, at);
    if (at % 7 === 0) tell();
  }
  tell();
  const flat = ({ total, servers, ownAnswers }: ReturnType<typeof sum.snapshot>) => ({
    total: { ...total, steps: Array.from(total.steps) },
    servers: [...servers].map(([id, { requests, retries }]) => [id, requests, retries]).sort(),
    ownAnswers,
  });
  expect(flat(sum.snapshot())).toEqual(flat(all.snapshot()));
});

test('nothing is told where nothing was counted', () => {
  const figures = make();
  const told = new FiguresTold(figures);
  figures.answered(null, 200, 1);
  expect(told.next()).not.toBeNull();
  expect(told.next()).toBeNull();
});

test('what was open in a process that ends is closed, and what it counted stays', () => {
  const [figures, sum] = [make(), make()];
  const [told, open] = [new FiguresTold(figures), new OpenElsewhere()];
  const tally = figures.tally('aaaaaa');
  tally.webSockets += 2;
  tally.streams += 1;
  figures.clients.add(100, 200, 3);
  figures.answered(tally, 200, 1);
  const delta = told.next();
  if (!delta) throw new Error('nothing told');
  sum.merge(delta);
  open.add(delta);
  expect(sum.snapshot()).toMatchObject({ total: { webSockets: 2, streams: 1, requests: 1 } });
  sum.merge(open.undo());
  expect(sum.snapshot()).toMatchObject({
    total: { webSockets: 0, streams: 0, requests: 1 },
    clients: { bytesIn: 100, bytesOut: 200, open: 0 },
  });
});
