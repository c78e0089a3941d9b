import { isWorker, nameOfApp } from '../../model/app-spec.ts';
import type { SignedServer } from '../../model/desired-server.ts';
import type { FleetView, Listing } from '../../model/fleet-view.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import { isAliveHere, isOfHost, type Machine } from '../../process/identity.ts';
import { runningHere } from '../../process/run-notes.ts';
import { isSameApp, type WhichApp } from '../targets/app.ts';
import { isDead, livesElsewhere } from '../targets/liveness.ts';
import type { ScaleDeps } from './scale.ts';

export type Here = Map<string, SignedServer>;

/** Every server this host runs, ran or is to run. */
export function idsOn(machine: Machine, { servers, desiredServers }: FleetView): string[] {
  const ofHost = servers.filter(({ record }) => isOfHost(record, machine));
  const intended = [...desiredServers]
    .filter(([, desired]) => isOfHost(desired, machine))
    .map(([id]) => id);
  // A copy of the state folder may be in use on another machine, or this one in another container.
  const elsewhere = new Set(ofHost.filter((each) => livesElsewhere(each, machine)).map(idOf));
  return [...new Set([...ofHost.map(idOf), ...intended])].filter((id) => !elsewhere.has(id));
}

function idOf({ record }: Listing): string {
  return record.id;
}

/** Leases do not count: a Redis that was away has none, and the servers live. */
export function servingHere({ servers }: FleetView, here: Here, machine: Machine): ServerRecord[] {
  return (
    servers
      .map(({ record }) => record)
      // One of 0.1.0 names only its machine: it may run from another state folder.
      .filter(({ hostId, id }) => hostId !== undefined || here.has(id))
      .filter((record) => isAliveHere(record, machine))
      .filter(({ state }) => state !== 'draining')
  );
}

export function desiredWithoutServer(
  fleet: FleetView,
  here: Here,
  { machine, home }: ScaleDeps,
): Here {
  const notCrashed = [...here].filter(([, { state }]) => state !== 'crashed');
  const dead = notCrashed.filter(([id, desired]) => isDead(id, desired, fleet, machine));
  const running = new Set(dead.length > 0 ? runningHere(home, machine).map(({ id }) => id) : []);
  return new Map(dead.filter(([id]) => !running.has(id)));
}

/** Whether it takes no requests, where an app is meant that does: then it comes back besides. */
export function isBeside(which: WhichApp | null) {
  return ([, { spec }]: readonly [string, SignedServer]): boolean =>
    which !== null && isWorker(spec) && !isWorker(which.app);
}

type AppOf = (server: {
  readonly id: string;
  readonly app: string;
  readonly worker?: unknown;
}) => boolean;

/** Whether a server's app is the one that is meant: of one that nobody spawned the name is known. */
export function isOf(which: WhichApp | null, here: Here): AppOf {
  if (which === null) return () => true;
  return ({ id, app, worker }) => {
    const spec = here.get(id)?.spec;
    if (spec) return isSameApp(spec, which.app);
    return app === nameOfApp(which.app) && isWorker(which.app) === (worker !== undefined);
  };
}
