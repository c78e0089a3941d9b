import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FrameOptions, frameLines, type Shown } from '../../../../src/cli/top/frame/frame.ts';
import { lettersFor } from '../../../../src/cli/top/frame/letters.ts';
import { firstView, type View } from '../../../../src/cli/top/frame/view.ts';
import type { FleetEvent } from '../../../../src/model/event.ts';
import type { ServerView } from '../../../../src/model/overview.ts';
import { question } from '../../../../src/overview/consequences.ts';
import { overviewOf, serverView } from '../../../helpers/overview.ts';

const event = (server: string): FleetEvent => ({
  ...{ id: '1-1', at: 1_200_000, kind: 'ready', server, host: 'web1', by: 'itself' },
  ...{ user: null, why: 'after 400 ms' },
});

const three = [
  serverView(),
  serverView({ id: 'bbbbbb', port: 3_002, url: 'http://127.0.0.1:3002', app: '猫の店.js' }),
  serverView({ id: 'cccccc', port: 3_003, door: 'out', reason: 'connection refused', rps: 0 }),
];

function frame(
  servers: readonly ServerView[],
  { width = 79, rows = 24, utf8 = true } = {},
  shown: Partial<Shown> = {},
): string[] {
  const letters = lettersFor(utf8);
  const options: FrameOptions = { width, rows, letters, redis: 'localhost:6379', nowMs: 1_310_000 };
  const sourced = { overview: overviewOf(servers), by: 'door' as const };
  const all = { sourced, view: firstView, events: [event('aaaaaa')], changes: [], ...shown };
  return frameLines(all, options).map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );
}

const looking = (view: Partial<View>) => ({ view: { ...firstView, ...view } });

describe('a frame of 80 columns', () => {
  test('has totals, the table, what the one that is picked is, events and keys', () => {
    const lines = frame(three);
    expect(lines).toHaveLength(24);
    expect(lines[0]).toMatch(
      /^meowctl top {2}[\d:]{8} {2}door http:\S+:3000 \(dddddd\) {2}Redis 0.4 ms$/,
    );
    expect(lines[1]).toMatch(/^3 of 3 up {2}412 req\/s {2}p50 1.2 ms {2}p99 8.9 ms {2}0 errors\/s/);
    expect(lines[2]).toMatch(/^ +▁▄█ 412 req\/s at most in a minute$/);
    expect(lines.slice(4, 9)).toEqual([
      '  ID      PORT  STATE    UPTIME  REQ/S  MINUTE         P99  5XX    MEM   CPU',
      '> aaaaaa  3001  up       5m 10s     12           █  8.9 ms    0  64 MB  42 %',
      '  bbbbbb  3002  up       5m 10s     12           █  8.9 ms    0  64 MB  42 %',
      '  cccccc  3003  up, out  5m 10s      0           █  8.9 ms    0  64 MB  42 %',
      'aaaaaa  http://127.0.0.1:3001  cat  pid 4711',
    ]);
    expect(lines[10]).toMatch(/^[\d:]{8} aaaaaa is ready: after 400 ms$/);
    expect(lines.at(-1)).toBe('? help  q quit  s spawn  d destroy  r restart  / filter  < > sort');
  });

  test('says of the one that is picked why it is out of use', () => {
    expect(frame(three, { width: 99 }, looking({ picked: 'cccccc' }))).toContain(
      'cccccc  connection refused  http://127.0.0.1:3001  cat  pid 4711',
    );
  });

  test('asks before anything is done, with what will happen', () => {
    const wanted = { verb: 'destroy' as const, id: 'aaaaaa' };
    const mode = {
      kind: 'question' as const,
      wanted,
      question: question(wanted, overviewOf(three)),
    };
    const lines = frame(three, {}, looking({ mode }));
    expect(lines).toHaveLength(24);
    expect(lines.slice(-3).join(' ')).toMatch(
      /^aaaaaa \(cat at http:\S+\) gets nothing new, .* It is not started again. .* y: do it {3}any other key: leave it$/,
    );
  });

  test('shows what is being typed, and then what is shown by it', () => {
    const typing = { kind: 'filter' as const, before: '' };
    expect(frame(three, {}, looking({ filter: '3002', mode: typing })).at(-1)).toBe('/3002');
    const lines = frame(three, {}, looking({ filter: '3002' }));
    expect(lines.filter((line) => /^. [abc]{6} {2}\d{4}/.test(line))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^\/3002 \(Esc: all\) {2}\? help/);
    expect(frame(three, {}, looking({ filter: 'x' }))).toContain('no server matches "x"');
  });

  test('says that there is no door, or no Redis, before all else', () => {
    const redis = { connected: false, since: 1_250_000, latencyMs: null };
    const overview = overviewOf(three, { redis });
    const away = frame(three, { width: 99 }, { sourced: { overview, by: 'door' } });
    expect(away[0]).toMatch(/^meowctl top {2}[\d:]{8} {2}Redis away since [\d:]{8} {2}door/);
    const alone = frame(three, {}, { sourced: { overview: overviewOf(three), by: 'counts' } });
    expect(alone[0]).toContain("no door: rates from the servers' own counts");
  });

  test('says what to press where there are no servers', () => {
    expect(frame([])).toContain('no servers: s spawns one');
  });
});

describe('a frame of 40 columns', () => {
  test('has the columns that are wanted most', () => {
    const lines = frame(three, { width: 39, rows: 20 });
    expect(lines).toHaveLength(20);
    expect(lines.slice(3, 5)).toEqual([
      '  ID      PORT  STATE    REQ/S     P99',
      '> aaaaaa  3001  up          12  8.9 ms',
    ]);
  });
});

test('a frame keeps its columns where names have wide characters', () => {
  const lines = frame(three, { width: 139 }).slice(4, 8);
  expect(lines[2]).toMatch(/42 % {2}猫の店\.js$/);
  const [head = '', ...rows] = lines;
  for (const row of rows) expect(row.indexOf('42 %')).toBe(head.indexOf(' CPU'));
});

test('a frame is in ASCII where a terminal has no more', () => {
  const text = frame(three, { width: 139, utf8: false }).join('');
  expect(text).toMatch(/^[\u0020-\u007e]*$/);
  expect(text).toContain('???.js');
});

test('a frame shows escapes of a name by their codes', () => {
  const text = frame([serverView({ app: '\u001b[2Jx', reason: '\u009b31m' })], { width: 139 }).join(
    '',
  );
  expect(text).toContain('\\u001b[2Jx');
  expect(text).toContain('\\u009b31m');
  expect(text).not.toMatch(/[\u001b\u009b]/);
});

test('a frame has as many lines as there are rows, whatever is in it and however small it is', () => {
  const names = fc.string({ unit: 'grapheme', maxLength: 60 });
  const servers = fc.array(fc.record({ app: names, reason: names, host: names }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(
      servers,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 8, max: 200 }),
      (all, rows, width) => {
        const views = all.map((each, at) =>
          serverView({ ...each, id: `srv${100 + at}`.slice(0, 6) }),
        );
        const lines = frame(views, { rows, width });
        expect(lines).toHaveLength(rows);
        expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      },
    ),
    { numRuns: 60 },
  );
});

test('the one that is picked is in view, wherever it stands in a long table', () => {
  const many = Array.from({ length: 100 }, (_, at) =>
    serverView({ id: `srv${100 + at}`, port: 3_000 + at }),
  );
  for (const { id } of [many[0], many[42], many[99]].map((each) => each ?? serverView())) {
    const lines = frame(many, {}, looking({ picked: id }));
    expect(lines.filter((line) => line.startsWith(`> ${id} `))).toHaveLength(1);
    expect(lines.some((line) => line.startsWith(`${id}  http`))).toBe(true);
  }
});
