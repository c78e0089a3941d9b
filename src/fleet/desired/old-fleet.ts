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
  readonly intent: SignedServer | null;
}

/**
 * The old intents that are provably of this host, signed anew: their process runs from this state
 * folder, or they carry a signature made with its key and listen on loopback.
 */
export function adoptOld(old: OldFleet): Adopted[] {
  return [...old.view.intents]
    .filter(([, intent]) => intent.hostId === undefined)
    .flatMap(([id, intent]): Adopted[] => {
      if (isOurs(id, intent, old)) return [{ id, intent: signAnew(id, intent, old) }];
      return intent.host === old.machine.host && !runs(id, intent, old)
        ? [{ id, intent: null }]
        : [];
    });
}

function isOurs(id: string, intent: DesiredServer, old: OldFleet): boolean {
  if (runs(id, intent, old)) return startedFrom(claimedBy(id, intent, old).pid, old.home);
  return isLoopback(intent.listenHost) && hasOldSignature(old.home, intent.spec);
}

function runs(id: string, intent: DesiredServer, old: OldFleet): boolean {
  return isAliveHere(claimedBy(id, intent, old), old.machine);
}

function claimedBy(id: string, intent: DesiredServer, { view }: OldFleet) {
  const record = view.servers.find((listing) => listing.record.id === id)?.record;
  return { ...(record ?? intent), id };
}

function signAnew(id: string, intent: DesiredServer, { home, machine, env, fleet }: OldFleet) {
  const { seal: _, ...rest } = intent;
  const { hostId, pidNs } = machine;
  const spec = adopted(home, intent.spec, env);
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
