import { createHmac } from 'node:crypto';
import { adopted } from '../../environment/kept-values.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { DesiredServer, SignedServer } from '../../model/desired-server.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import { isAliveHere, type Machine, startedFrom } from '../../process/identity.ts';
import type { FleetName } from '../../state/desired-files.ts';
import { isSame, readKey, sign } from '../../state/signature.ts';

/*
 * A fleet of 0.1.0, which knew a host by its name, signed the app alone, and kept the values of its
 * variables in Redis. It goes on while it is taken over.
 */

export interface OldFleet {
  readonly view: FleetView;
  readonly home: string;
  readonly machine: Machine;
  /** What its variables are completed from. */
  readonly env: Readonly<Record<string, string>>;
  readonly fleet: FleetName;
}

export interface Adopted {
  readonly id: string;
  /** Null for one that may be of this host, and proves nothing. */
  readonly desired: SignedServer | null;
}

/**
 * The old entries that are provably of this host, signed anew: their process runs from this state
 * folder, or they carry a signature made with its key and listen on loopback.
 */
export function adoptOld(old: OldFleet): Adopted[] {
  return [...old.view.desiredServers]
    .filter(([, desired]) => desired.hostId === undefined)
    .flatMap(([id, desired]): Adopted[] => {
      if (isOurs(id, desired, old)) return [{ id, desired: signAnew(id, desired, old) }];
      return desired.host === old.machine.host && !runs(id, desired, old)
        ? [{ id, desired: null }]
        : [];
    });
}

function isOurs(id: string, desired: DesiredServer, old: OldFleet): boolean {
  if (runs(id, desired, old)) return startedFrom(claimedBy(id, desired, old).pid, old.home);
  return isLoopback(desired.listenHost) && hasOldSignature(old.home, desired.spec);
}

function runs(id: string, desired: DesiredServer, old: OldFleet): boolean {
  return isAliveHere(claimedBy(id, desired, old), old.machine);
}

function claimedBy(id: string, desired: DesiredServer, { view }: OldFleet) {
  const record = view.servers.find((listing) => listing.record.id === id)?.record;
  return { ...(record ?? desired), id };
}

function signAnew(id: string, desired: DesiredServer, { home, machine, env, fleet }: OldFleet) {
  const { seal: _, ...rest } = desired;
  const { hostId, pidNs } = machine;
  const spec = adopted(home, desired.spec, env);
  return sign(home, { ...rest, spec, id, hostId, pidNs, ...fleet });
}

function isLoopback(host: string): boolean {
  return /^(127\.|::1$|localhost$)/.test(host);
}

function hasOldSignature(home: string, spec: AppSpec): boolean {
  if (spec.seal === undefined || !isAllSigned(spec)) return false;
  return isSame(spec.seal, oldSignature(spec, readKey(home)));
}

/** What 0.1.0 did not know it did not sign. `parseSpec` adds the three of an environment. */
function isAllSigned(spec: AppSpec): boolean {
  const known = ['kind', 'path', 'command', 'cwd', 'health', 'readyMs', 'seal'];
  const parsed = ['env', 'envDigest', 'oldValues'];
  return Object.keys(spec).every((name) => known.includes(name) || parsed.includes(name));
}

function oldSignature(spec: AppSpec, key: Buffer): string {
  const what = spec.kind === 'module' ? spec.path : spec.kind === 'program' ? spec.command : null;
  const env = Object.entries(spec.oldValues ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const fields = [spec.kind, what, env, spec.cwd, spec.health, spec.readyMs ?? null];
  return createHmac('sha256', key).update(JSON.stringify(fields)).digest('base64url');
}
