import type { FleetView, Listing } from '../model/fleet-view.ts';
import { isAlive, isHere, isOfHost, type Machine } from '../process/identity.ts';
import type { Running } from '../process/our-process.ts';
import { plain, quote } from '../text.ts';
import { duration } from '../time/duration.ts';
import { bad, type Check, counted, some, warn, well } from './check.ts';

interface FleetLimits {
  readonly leaseMs: number;
  readonly sweepLostAfterMs: number;
}

/** What is compared: what Redis says of the fleet, and what runs here. */
export interface Compared {
  readonly fleet: FleetView;
  readonly machine: Machine;
  /** Processes of this fleet on this host, its servers among them. */
  readonly running: readonly Running[];
  readonly version: string;
  readonly limits: FleetLimits;
}

/** Whether records, leases and processes tell the same. */
export function checkFleet(compared: Compared): Check[] {
  return [
    checkRecords(compared),
    checkProcesses(compared),
    checkWanted(compared),
    checkHosts(compared),
    checkVersions(compared),
    checkSkipped(compared),
  ];
}

/** Servers that run here and that Redis knows nothing of. */
function withoutRecord({ fleet, running }: Pick<Compared, 'fleet' | 'running'>): Running[] {
  const known = new Set(fleet.servers.map(({ record }) => record.id));
  const pids = new Set(fleet.servers.map(({ record }) => record.pid));
  const isKnown = ({ id, pid }: Running) => (id === null ? pids.has(pid) : known.has(id));
  return running.filter((each) => each.kind === 'server' && !isKnown(each));
}

function checkRecords({ fleet, machine, limits }: Compared): Check {
  const check = 'records';
  const dead = fleet.servers.filter(
    ({ record }) => isHere(record, machine) && !isAlive(record) && isOfHost(record, machine),
  );
  if (dead.length > 0) {
    const says = `the process is gone of ${named(dead)}`;
    return bad(
      check,
      says,
      'Wait 10 s: `meowctl up` or `keep` starts it again, else `meowctl ls` shows it as lost',
    );
  }
  const stale = fleet.servers.filter(({ leaseLeftMs }) => (leaseLeftMs ?? 0) <= 0);
  if (stale.length === 0)
    return well(check, `${counted(fleet.servers.length, 'server')}, all with a lease`);
  const longest = Math.max(...stale.map(({ leaseLeftMs }) => limits.leaseMs - (leaseLeftMs ?? 0)));
  const says = `no heartbeat from ${named(stale)}, for ${duration(longest)}`;
  const remedy = `Is its host off? A record goes ${limits.sweepLostAfterMs / 1_000} s after its last one, with the next \`spawn\` or \`up\`; \`meowctl destroy ID\` forgets it`;
  return warn(check, says, remedy);
}

function checkProcesses(compared: Compared): Check {
  const strays = withoutRecord(compared);
  if (strays.length === 0) return well('processes', 'each server that runs here has its record');
  const names = strays.map(({ id, pid }) => `${id ?? 'one without an id'} (pid ${pid})`);
  const remedy =
    '`meowctl logs ID` says why it cannot tell Redis that it lives; `meowctl down` ends it';
  return bad('processes', `in no record of Redis: ${plain(some(names))}`, remedy);
}

function checkWanted({ fleet, machine }: Compared): Check {
  const living = new Set(
    fleet.servers
      .filter(({ leaseLeftMs }) => (leaseLeftMs ?? 0) > 0)
      .map(({ record }) => record.id),
  );
  const all = [...fleet.desiredServers].filter(([, one]) => isOfHost(one, machine));
  const crashed = all.filter(([, { state }]) => state === 'crashed').map(([id]) => id);
  if (crashed.length > 0) {
    const says = `crashed too often: ${some(crashed)}`;
    return bad(
      'wanted',
      says,
      `See \`meowctl logs ${crashed[0]}\`, then \`meowctl restart ${crashed[0]}\``,
    );
  }
  const missing = all.filter(([id, { state }]) => state === 'wanted' && !living.has(id));
  if (missing.length === 0) return well('wanted', 'all that is wanted here runs');
  const says = `wanted here, and not running: ${some(missing.map(([id]) => id))}`;
  return bad(
    'wanted',
    says,
    '`meowctl up` or `meowctl keep` starts them again, `meowctl destroy ID` forgets one',
  );
}

function checkHosts({ fleet }: Compared): Check {
  const ids = new Map<string, Set<string>>();
  for (const { record } of fleet.servers) {
    const of = ids.get(record.host) ?? new Set();
    ids.set(record.host, of.add(record.hostId ?? record.bootId));
  }
  const twice = [...ids].filter(([, of]) => of.size > 1).map(([name]) => quote(name));
  if (twice.length === 0) return well('hosts', `${counted(ids.size, 'host')} in the fleet`);
  const says = `two state folders or machines go by one name: ${some(twice)}`;
  return warn(
    'hosts',
    says,
    'They are kept apart by id, in `ls --json` (hostId); give one machine another name',
  );
}

function checkVersions({ fleet, version }: Compared): Check {
  const others = [...new Set(fleet.servers.map(({ record }) => record.version))].filter(
    (other) => other !== version,
  );
  if (others.length === 0) return well('versions', `this is ${version}, as all servers are`);
  const says = `this is ${version}, and servers run of ${plain(some(others))}`;
  return warn(
    'versions',
    says,
    '`meowctl restart` on each host brings its servers to the version there',
  );
}

function checkSkipped({ fleet: { skipped } }: Compared): Check {
  if (skipped.length === 0) return well('entries', 'all that Redis holds of the fleet can be read');
  const says = `not ours, or damaged: ${some(skipped.map(({ where, why }) => `${quote(where)} (${plain(why)})`))}`;
  return bad('entries', says, 'See who else writes there; remove what is not wanted');
}

function named(listings: readonly Listing[]): string {
  return some(
    listings.map(({ record }) => `${record.id} (pid ${record.pid}, ${quote(record.host)})`),
  );
}
