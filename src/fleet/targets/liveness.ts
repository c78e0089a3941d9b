import type { DesiredServer } from '../../model/desired-server.ts';
import { type FleetView, isLeased, type Listing } from '../../model/fleet-view.ts';
import { isAliveHere, isHere, isOfHost, type Machine } from '../../process/identity.ts';
import { until } from '../../time/until.ts';

const POLL_MS = 4;
/** A process whose files are closed may be seen for some ms more. */
const ENDING_MS = 500;

/**
 * Whether a server of this host that is wanted is gone. Here that is asked of the operating system
 * alone: no process of that pid, start time and id lives; a lease runs on for seconds, and an
 * address that stands in Redis is nobody's to call. What ran in another boot or pid namespace
 * cannot be seen from here: it is gone once its lease has run out.
 * @param sureOfLeases whether we were awake and Redis answered for long enough to judge them
 */
export function isDead(
  id: string,
  desired: DesiredServer,
  fleet: FleetView,
  machine: Machine,
  sureOfLeases = true,
): boolean {
  const listing = fleet.servers.find(({ record }) => record.id === id);
  const claimed = listing?.record ?? desired;
  if (!isOfHost(claimed, machine) || hasProcessHere(id, desired, fleet, machine)) return false;
  if (isHere(claimed, machine)) return true;
  return sureOfLeases && !(listing && livesElsewhere(listing, machine));
}

/** Whether a server of this host runs: here by its process, in another container by its lease. */
export function lives(
  id: string,
  desired: DesiredServer,
  fleet: FleetView,
  machine: Machine,
): boolean {
  const listing = fleet.servers.find(({ record }) => record.id === id);
  if (listing && livesElsewhere(listing, machine)) return true;
  return hasProcessHere(id, desired, fleet, machine);
}

/** Whether a server of this host runs in another boot or pid namespace, by its lease. */
export function livesElsewhere(listing: Listing, machine: Machine): boolean {
  const { record } = listing;
  return isOfHost(record, machine) && !isHere(record, machine) && isLeased(listing);
}

/** Waits for the process of a server to go whose end has been told. */
export async function untilGone(
  id: string,
  desired: DesiredServer,
  fleet: FleetView,
  machine: Machine,
): Promise<void> {
  const isGone = () => !hasProcessHere(id, desired, fleet, machine);
  await until(isGone, { everyMs: POLL_MS, withinMs: ENDING_MS });
}

/** By its record or by its desired server: either may be older, or written by somebody else. */
function hasProcessHere(
  id: string,
  desired: DesiredServer,
  { servers }: FleetView,
  machine: Machine,
): boolean {
  const record = servers.find((each) => each.record.id === id)?.record;
  return [record, desired].some(
    (claimed) => claimed !== undefined && isAliveHere({ ...claimed, id }, machine),
  );
}
