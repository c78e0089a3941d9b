import { expect, test } from 'vitest';
import { listFleet } from '../../src/cli/output/rows.ts';
import { knownServers } from '../../src/fleet/targets/servers.ts';
import { type DesiredServer, recordOfDesired } from '../../src/model/desired-server.ts';
import type { FleetView } from '../../src/model/fleet-view.ts';
import { sampleDesired } from '../helpers/store.ts';

const place = { hostId: 'h'.repeat(16), host: 'here', bootId: 'b', pidNs: 'pid:[1]' };

function viewOf(desired: DesiredServer): FleetView {
  const desiredServers = new Map([['abc234', desired]]);
  return { servers: [], total: 0, skipped: [], desiredServers, doors: [], registry: null };
}

test('a desired server without a record is shown and named by one made up from what was asked for', () => {
  const listens = { listenHost: '127.0.0.1', port: 3_009, pid: 42, pidStart: '7' };
  const desired = sampleDesired({ ...place, ...listens, advertise: null });
  const record = recordOfDesired('abc234', desired);
  expect(record).toEqual({
    ...{
      id: 'abc234',
      url: 'http://127.0.0.1:3009',
      ...place,
      port: 3_009,
      pid: 42,
      pidStart: '7',
    },
    ...{ app: desired.app, state: 'draining' },
    ...{ version: '', startedAt: 0, requests: 0, inflight: 0 },
  });
  const [known] = knownServers(viewOf(desired));
  expect(known).toEqual({ id: 'abc234', record, standing: 'desired' });
  const [row] = listFleet(viewOf(desired));
  expect(row).toEqual({ ...record, state: 'lost', doors: [], env: [], restarts: 0 });
});

test('a made-up record has the url that the server was to be reached by', () => {
  const desired = sampleDesired({ ...place, advertise: 'cats.example' });
  expect(recordOfDesired('abc234', desired).url).toBe(`http://cats.example:${desired.port}`);
});
