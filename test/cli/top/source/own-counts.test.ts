import { beforeEach, describe, expect, test } from 'vitest';
import { OwnCounts } from '../../../../src/cli/top/source/own-counts.ts';
import type { FleetView } from '../../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../../src/model/server-record.ts';

const LEASE_MS = 6_000;

const record: ServerRecord = {
  ...{ id: 'aaaaaa', url: 'http://127.0.0.1:3001', host: 'web1', bootId: 'b', port: 3_001 },
  ...{ pid: 1, pidStart: '1', app: 'cat', version: '0.2.0', state: 'up', startedAt: 1 },
  ...{ requests: 100, inflight: 2 },
};

const figures = (cpuMs: number) => ({ rss: 64, cpuMs, heap: 20, loopMs: 1.5, restarts: 2 });

let counts: OwnCounts;

beforeEach(() => {
  const here = { leaseMs: LEASE_MS, host: 'web1', version: '0.2.0' };
  counts = new OwnCounts({ ...here, isHere: () => true });
});

/** A look at that time, the last beat so long ago. */
function lookAt(
  nowMs: number,
  agoMs: number,
  given: Partial<ServerRecord>,
  more: Partial<FleetView> = {},
) {
  const servers = [{ record: { ...record, ...given }, leaseLeftMs: LEASE_MS - agoMs }];
  const fleet: FleetView = {
    ...{ servers, total: 1, skipped: [], desiredServers: new Map(), registry: null, doors: [] },
    ...more,
  };
  const overview = counts.overview({ fleet, queue: null, latencyMs: 0.4, nowMs, at: nowMs });
  const [server] = overview.servers;
  if (!server) throw new Error('no server');
  return { overview, server };
}

describe('without a door, how fast a server goes', () => {
  test('is not known before its second beat', () => {
    lookAt(10_000, 500, { requests: 100 });
    expect(counts.knows(['aaaaaa'])).toBe(false);
    lookAt(11_000, 1_500, { requests: 100 });
    expect(counts.knows(['aaaaaa'])).toBe(false);
    lookAt(12_000, 500, { requests: 120 });
    expect(counts.knows(['aaaaaa'])).toBe(true);
  });

  test('is what it answered between two beats, by the time that lay between them', () => {
    lookAt(10_000, 500, { requests: 100 });
    const { server, overview } = lookAt(12_300, 800, { requests: 120 });
    expect(server.rps).toBeCloseTo(10);
    expect(overview.totals.rps).toBeCloseTo(10);
  });

  test('stays what it was until the next beat', () => {
    lookAt(10_000, 0, { requests: 0 });
    lookAt(12_000, 0, { requests: 50 });
    expect(lookAt(13_000, 1_000, { requests: 50 }).server.rps).toBe(25);
    expect(lookAt(14_000, 0, { requests: 50 }).server.rps).toBe(0);
  });

  test('is kept for the last minute, one a look', () => {
    for (let second = 0; second < 70; second++)
      lookAt(second * 2_000, 0, { requests: second * 20 });
    const { server, overview } = lookAt(140_000, 0, { requests: 1_400 });
    expect(server.history).toEqual(Array(60).fill(10));
    expect(overview.history.rps).toEqual(Array(60).fill(10));
  });

  test('is never below nothing, where a server counts from 0 again', () => {
    lookAt(10_000, 0, { requests: 500 });
    expect(lookAt(12_000, 0, { requests: 3 }).server.rps).toBe(0);
  });
});

describe('without a door, what a server uses', () => {
  test('is what it says; its share of a core is its CPU time between two beats', () => {
    lookAt(10_000, 0, { figures: figures(1_000) });
    const { server } = lookAt(12_000, 0, { figures: figures(1_840) });
    expect(server).toMatchObject({ rss: 64, heap: 20, loopMs: 1.5, restarts: 2 });
    expect(server.cpu).toBeCloseTo(0.42);
  });

  test('is unknown of one of an older version', () => {
    lookAt(10_000, 0, {});
    expect(lookAt(12_000, 0, {}).server).toMatchObject({ rss: null, cpu: null, loopMs: null });
  });
});

test('without a door, what only doors count is unknown, and not nothing', () => {
  const { server, overview } = lookAt(10_000, 0, {});
  expect(server).toMatchObject({ errors: null, errorsPerSecond: null, p99Ms: null });
  expect(overview.totals).toMatchObject({
    ...{ errorsPerSecond: null, retriesPerSecond: null, webSockets: null, streams: null },
  });
});

test('without a door on this host, what others say of a server is shown', () => {
  const door = { id: 'dddddd', url: 'http://web2:3000', host: 'web2', pid: 1 };
  const roster = { aaaaaa: { state: 'out', reason: 'connection refused' } };
  const { server, overview } = lookAt(10_000, 0, {}, { doors: [{ ...door, roster }] });
  expect(server).toMatchObject({ door: 'out', reason: 'connection refused' });
  expect(overview.doors).toEqual([{ ...door, rps: null }]);
  expect(overview.door).toMatchObject({ id: '', host: 'web1' });
});
