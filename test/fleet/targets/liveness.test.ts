import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { isDead, lives, untilGone } from '../../../src/fleet/targets/liveness.ts';
import type { FleetView } from '../../../src/model/fleet-view.ts';
import type { ServerRecord } from '../../../src/model/server-record.ts';
import { identify, thisMachine } from '../../../src/process/identity.ts';
import { killAtEnd, temporaryFolder } from '../../helpers/cleanup.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

const id = 'abc234';

async function living() {
  const args = ['-e', 'setInterval(() => {}, 1000)', 'serve', '--id', id];
  const { pid = 0 } = spawn(process.execPath, args, { stdio: 'ignore' });
  killAtEnd(pid);
  await until('it runs', () => identify(pid)?.commandLine.includes('serve'));
  return { pid, pidStart: identify(pid)?.start ?? '' };
}

function view(record: ServerRecord | null, leaseLeftMs: number | null): FleetView {
  const servers = record ? [{ record, leaseLeftMs }] : [];
  return { servers, total: 1, skipped: [], desiredServers: new Map(), doors: [], registry: null };
}

const gone = { pid: 4_000_000, pidStart: '1' };
const container = { pidNs: 'pid:[1]' };
const reboot = { bootId: 'before' };
const far = { hostId: 'z'.repeat(16) };

/*
 * What the record and the desired state say of the process, and how long the lease runs; then whether
 * the server lives, is dead, and is dead for one who cannot judge leases.
 */
type Claim = Partial<Pick<ServerRecord, 'pid' | 'pidStart' | 'hostId' | 'bootId' | 'pidNs'>>;
type Says = Claim | 'runs' | null;
test.each<[string, Says, Says, number | null, boolean, boolean, boolean]>([
  ['a process that runs, by its record', 'runs', gone, -9_000, true, false, false],
  ['a process that runs, by the desired state alone', gone, 'runs', -9_000, true, false, false],
  ['a process that runs, without a record', null, 'runs', null, true, false, false],
  ['no process, and a lease that runs on', gone, gone, 5_000, false, true, true],
  ['no process and no record', null, gone, null, false, true, true],
  ['another container, and a lease', { ...gone, ...container }, gone, 5_000, true, false, false],
  ['another container, no lease', { ...gone, ...container }, gone, -1, false, true, false],
  ['the boot before, and a lease', { ...gone, ...reboot }, gone, 5_000, true, false, false],
  ['the boot before, no lease', { ...gone, ...reboot }, gone, null, false, true, false],
  ['another host', { ...gone, ...far }, { ...gone, ...far }, -9_000, false, false, false],
])(
  'liveness is judged rightly of a server with %s',
  async (_, ofRecord, ofDesired, leaseLeftMs, alive, dead, deadAnyway) => {
    const machine = thisMachine(temporaryFolder());
    const { hostId, host, bootId, pidNs } = machine;
    const running = await living();
    const whose = (says: Exclude<Says, null>) => ({
      ...{ hostId, host, bootId, pidNs },
      ...(says === 'runs' ? running : says),
    });
    const desired = sampleDesired(ofDesired === null ? {} : whose(ofDesired));
    const fleet = view(ofRecord && sampleRecord({ id, ...whose(ofRecord) }), leaseLeftMs);
    expect({
      alive: lives(id, desired, fleet, machine),
      dead: isDead(id, desired, fleet, machine),
      deadAnyway: isDead(id, desired, fleet, machine, false),
    }).toEqual({ alive, dead, deadAnyway });
  },
);

test('the end of a process that was told of is waited for, and not for long where it goes on', async () => {
  const machine = thisMachine(temporaryFolder());
  const { hostId, host, bootId, pidNs } = machine;
  const running = await living();
  const desired = sampleDesired({ hostId, host, bootId, pidNs, ...running });
  await untilGone(id, desired, view(null, null), machine);
  expect(isDead(id, desired, view(null, null), machine)).toBe(false);
  process.kill(running.pid, 'SIGKILL');
  await untilGone(id, desired, view(null, null), machine);
  expect(isDead(id, desired, view(null, null), machine)).toBe(true);
});
