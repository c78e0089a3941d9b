import { describe, expect, test } from 'vitest';
import { findTargets, isUp, knownServers } from '../../../src/fleet/targets/servers.ts';
import { catSpec } from '../../../src/model/app-spec.ts';
import type { DesiredServer } from '../../../src/model/desired-server.ts';
import type { FleetView, Listing } from '../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';

const here = { hostId: 'a'.repeat(16), host: 'here', bootId: 'b1', pidNs: 'pid:[1]' };

function record(id: string, port: number, change: Partial<ServerRecord> = {}): ServerRecord {
  const place = { url: `http://127.0.0.1:${port}`, ...here, port, pid: 4_711, pidStart: '1' };
  const counters = { startedAt: 1, requests: 0, inflight: 0 };
  return { id, ...place, app: 'cat', version: '1', state: 'up', ...counters, ...change };
}

function listing(it: ServerRecord, leaseLeftMs: number | null = 5_000): Listing {
  return { record: it, leaseLeftMs };
}

const desired: DesiredServer = {
  ...{ app: 'cat', ...here, pid: 4_712, pidStart: '1', port: 3_009, fixedPort: false },
  ...{ spec: catSpec, listenHost: '127.0.0.1', advertise: null, state: 'wanted' },
};

const view: FleetView = {
  servers: [
    listing(record('aaaaaa', 3_001)),
    listing(record('bbbbbb', 3_002)),
    listing(record('cccccc', 3_001), -9_000),
    listing(
      record('dddddd', 3_002, { hostId: 'b'.repeat(16), host: 'there', url: 'http://there:3002' }),
    ),
    listing(
      record('eeeeee', 3_005, { hostId: 'b'.repeat(16), host: 'there', url: 'http://there:3005' }),
    ),
    listing(
      record('ffffff', 3_005, {
        hostId: 'c'.repeat(16),
        host: 'yonder',
        url: 'http://yonder:3005',
      }),
    ),
    listing(record('gggggg', 3_006, { state: 'draining' })),
  ],
  ...{
    total: 7,
    skipped: [],
    doors: [],
    registry: null,
    desiredServers: new Map([['hhhhhh', desired]]),
  },
};
const known = knownServers(view);

function find(...texts: string[]): string[] {
  const identify = (pid: number) => (pid === 70_001 ? { start: '1', commandLine: [] } : null);
  return findTargets(texts, known, here, identify).map(({ id }) => id);
}

describe('a server to destroy is named by', () => {
  test.each([
    ['its id', 'bbbbbb', 'bbbbbb'],
    ['its port; a live one before a lost one', '3001', 'aaaaaa'],
    ['its port; one on this machine before another', '3002', 'bbbbbb'],
    ['its url', 'http://there:3002', 'dddddd'],
    ['its url with a slash', 'http://there:3002/', 'dddddd'],
    ['the id of one that is only wanted', 'hhhhhh', 'hhhhhh'],
    ['the port of one that is only wanted', '3009', 'hhhhhh'],
  ])('%s', (_, text, id) => {
    expect(find(text)).toEqual([id]);
  });

  test('several names, each server once, in that order', () => {
    expect(find('3002', 'aaaaaa', 'bbbbbb', '3001')).toEqual(['bbbbbb', 'aaaaaa']);
  });

  test('a port of several machines is refused, with their ids', () => {
    expect(() => find('3005')).toThrow('"3005" names several servers: eeeeee, ffffff');
  });

  test.each(['zzzzzz', '2222', '222222', 'http://nowhere:1', '70001', '4711'])(
    '%s is nobody: exit 3',
    (text) => {
      expect(() => find('aaaaaa', text)).toThrow(expect.objectContaining({ exitCode: 3 }));
    },
  );

  test.each([
    ...[
      '',
      '0',
      '-1',
      '65536',
      '3e3',
      '0x0BB8',
      ' 3001',
      '3001abc',
      '３００１',
      'abc',
      '__proto__',
    ],
    ...['AAAAAA', '\u001b[2J', 'a'.repeat(300), 'ftp://x:1', 'http://x', 'http://u@x:1'],
  ])('%j is no name: exit 2', (text) => {
    expect(() => find('aaaaaa', text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});

test('a server counts as up while its lease runs and it is not leaving', () => {
  expect(known.filter(isUp).map(({ id }) => id)).toEqual([
    ...['aaaaaa', 'bbbbbb', 'dddddd', 'eeeeee', 'ffffff'],
  ]);
});
