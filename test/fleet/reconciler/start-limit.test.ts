import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { CrashHistory } from '../../../src/fleet/reconciler/backoff.ts';
import { Started } from '../../../src/fleet/reconciler/start-limit.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';
import { identify } from '../../../src/process/identity.ts';
import { killAtEnd } from '../../helpers/cleanup.ts';
import { sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

async function running(id: string): Promise<ServerRecord> {
  const args = ['-e', 'setInterval(() => {}, 1000)', 'serve', '--id', id];
  const { pid = 0 } = spawn(process.execPath, args, { stdio: 'ignore' });
  killAtEnd(pid);
  await until('it runs', () => identify(pid)?.commandLine.includes('serve'));
  return sampleRecord({ id, pid, pidStart: identify(pid)?.start ?? '' });
}

function view(...records: ServerRecord[]): FleetView {
  const servers = records.map((record) => ({ record, leaseLeftMs: 1_000 }));
  return {
    servers,
    total: servers.length,
    skipped: [],
    desiredServers: new Map(),
    doors: [],
    registry: null,
  };
}

test('a keeper starts no second server in the same place while the first still runs', async () => {
  const started = new Started();
  const [place, other] = [new CrashHistory(defaults), new CrashHistory(defaults)];
  const heir = await running('abc234');
  started.add(heir, place);
  expect(started.tooMany(place, view(heir), 9, 0)).toBe('abc234, which took its place, still runs');
  expect(started.tooMany(other, view(heir), 9, 0)).toBe(null);
  expect(started.tooMany(place, view({ ...heir, state: 'draining' }), 9, 0)).toBe(null);
  process.kill(heir.pid, 'SIGKILL');
  await until('it is gone', () => started.tooMany(place, view(heir), 9, 0) === null);
});

test('a keeper never has more of its servers running than are wanted', async () => {
  const started = new Started();
  started.add(await running('abc234'), new CrashHistory(defaults));
  started.add(await running('xyz234'), new CrashHistory(defaults));
  const next = new CrashHistory(defaults);
  expect(started.tooMany(next, view(), 3, 0)).toBe(null);
  const tooMany = '2 that were started here run already, and 3 are wanted';
  expect(started.tooMany(next, view(), 3, 1)).toBe(tooMany);
  expect(started.tooMany(next, view(), 2, 0)).toBe(tooMany.replace('3', '2'));
});
