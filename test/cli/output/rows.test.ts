import { describe, expect, test } from 'vitest';
import { printRows } from '../../../src/cli/output/print-rows.ts';
import {
  listFleet,
  type Row,
  serversInWords,
  servingLine,
  toRow,
} from '../../../src/cli/output/rows.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import { contextOf } from '../../helpers/run-here.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';

const [one, two] = [sampleRecord({ id: 'bbbbbb', port: 3002 }), sampleRecord({ id: 'aaaaaa' })];
const noDoors = { desiredServers: new Map(), doors: [], problems: [] };

function listed(view: Partial<FleetView>): Row[] {
  return listFleet({ servers: [], ...noDoors, ...view } as FleetView);
}

describe('the rows of a fleet', () => {
  test('are in the order of their ports', () => {
    const servers = [one, two].map((record) => ({ record, leaseLeftMs: 1_000 }));
    expect(listed({ servers }).map(({ id, state }) => [id, state])).toEqual([
      ['aaaaaa', 'up'],
      ['bbbbbb', 'up'],
    ]);
  });

  test.each([
    ['up', 1_000, undefined],
    ['lost', 0, undefined],
    ['lost', null, undefined],
    ['crashed', null, 'crashed' as const],
    ['lost', null, 'wanted' as const],
  ])('show a server as %s whose lease has %s ms and which is %s', (state, leaseLeftMs, wanted) => {
    const desiredServers = new Map(wanted ? [[two.id, sampleDesired({ state: wanted })]] : []);
    expect(listed({ servers: [{ record: two, leaseLeftMs }], desiredServers })[0]?.state).toBe(
      state,
    );
  });

  test('have what is wanted and has no record, and what was asked of it', () => {
    const desiredServers = new Map([
      ['cccccc', sampleDesired({ port: 3003, restarts: 2 })],
      ['dddddd', sampleDesired({ port: 3004, state: 'stopped' })],
    ]);
    expect(listed({ desiredServers })).toMatchObject([
      { id: 'cccccc', state: 'lost', port: 3003, restarts: 2, env: [] },
      { id: 'dddddd', state: 'stopped', restarts: 0 },
    ]);
  });

  test('say what each door says of a server', () => {
    const roster = {
      aaaaaa: { state: 'out', reason: 'refused' },
      bbbbbb: { state: 'usable', reason: '' },
    };
    const doors = [{ id: 'door22', url: 'http://a:1', host: 'a', pid: 1, roster }];
    const servers = [one, two].map((record) => ({ record, leaseLeftMs: 1_000 }));
    expect(listed({ servers, doors }).map(({ doors }) => doors)).toEqual([
      ['out: refused'],
      ['usable'],
    ]);
  });
});

describe('servers are printed', () => {
  const rows = [toRow({ ...two, startedAt: 0 }), toRow({ ...one, startedAt: 0 })];
  const print = async (
    ...args: Parameters<typeof printRows> extends [unknown, ...infer R] ? R : never
  ) => {
    const { context, printed } = contextOf([], { MEOW_HOME: '/nowhere' });
    await printRows(context.output, ...args);
    return printed();
  };

  test('as a table by default, with a column for the app only where there is another than cats', async () => {
    expect(await print(rows, {})).toBe(
      [
        'ID      URL                    STATE  UPTIME  PID      HOST       REQUESTS  DOOR',
        'aaaaaa  http://127.0.0.1:3001  up     -       4000000  somewhere  0         -',
        'bbbbbb  http://127.0.0.1:3002  up     -       4000000  somewhere  0         -',
        '',
      ].join('\n'),
    );
    const named = await print([{ ...toRow(two), app: '/srv/api.mjs' }], {});
    expect(named.split('\n').map((line) => line.split(/ +/).at(-1))).toEqual([
      'APP',
      'api.mjs',
      '',
    ]);
  });

  test('as one JSON array, or a word each, and nothing where there are none', async () => {
    expect(JSON.parse(await print(rows, { json: true }))).toEqual(JSON.parse(JSON.stringify(rows)));
    expect(await print(rows, { quiet: true })).toBe(
      'http://127.0.0.1:3001\nhttp://127.0.0.1:3002\n',
    );
    const quietly = ({ id }: Row) => id;
    expect(await print(rows, { quiet: true }, { quietly })).toBe('aaaaaa\nbbbbbb\n');
    expect(await print([], {})).toBe('');
    expect(await print([], { json: true })).toBe('[]\n');
  });

  test('with why it is lost, and without a url or requests where it takes none', async () => {
    const lost: Row = { ...toRow(two, 'lost'), why: 'no beat for 9s' };
    const worker: Row = toRow({ ...one, worker: { pid: 7 }, app: 'node w.js' });
    const lines = (await print([lost, worker], {})).split('\n');
    expect(lines[0]).toMatch(/APP +WHY$/);
    expect(lines[1]).toMatch(/^aaaaaa .* lost .* cat +no beat for 9s$/);
    expect(lines[2]).toMatch(/^bbbbbb {2}- .* up .* node w\.js$/);
  });
});

test('servers are counted in words, and one that has started says what it does', () => {
  expect([1, 2].map(serversInWords)).toEqual(['1 server', '2 servers']);
  expect(servingLine(two)).toBe('aaaaaa serves http://127.0.0.1:3001');
  expect(servingLine({ ...two, worker: { pid: 1 }, app: 'w' })).toBe('aaaaaa runs "w"');
});
