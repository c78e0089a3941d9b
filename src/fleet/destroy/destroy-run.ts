import type { AppSpec } from '../../model/app-spec.ts';
import type { ServerRecord } from '../../model/server-record.ts';
import type { Machine } from '../../process/identity.ts';
import type { Steps } from '../../steps.ts';
import type { Registry } from '../../store/store.ts';
import type { KnownServer } from '../targets/servers.ts';

/** How patient this host is with servers that leave: defaults of defaults.ts, under the same names. */
export type LeaveSettings = Readonly<Record<'drainGraceMs' | 'termGraceMs', number>>;
export type DestroySettings = LeaveSettings & Readonly<Record<'leaseMs', number>>;

export interface DestroyDeps {
  /** The state folder. */
  readonly home: string;
  readonly registry: Pick<
    Registry,
    'fleet' | 'fleetOf' | 'orderRetire' | 'orderRetireUnlessLast' | 'forget' | 'killedAfter'
  >;
  readonly settings: DestroySettings;
}

export interface DestroyOptions {
  /** Ids, ports or urls. None: a random server that is up. */
  readonly targets: readonly string[];
  readonly all: boolean;
  /** Even the last one. `all` implies it. */
  readonly force: boolean;
  readonly drainMs: number;
  readonly signal?: AbortSignal;
  /** Told at once of what is not this host's to end, in words. */
  say?(line: string): void;
  readonly steps?: Steps;
}

/** One run of `destroy`, from its orders to its last signal. */
export interface Job extends DestroyDeps, DestroyOptions {
  readonly machine: Machine;
  readonly known: readonly KnownServer[];
}

export function nameOf({ id, record }: KnownServer): string {
  if (record.worker) return `worker ${id}`;
  return `server ${id} on port ${record.port}`;
}

/** A server, or what is wanted of one. */
export type Leaver = Pick<ServerRecord, 'killMs'> & { readonly spec?: Pick<AppSpec, 'killMs'> };

/**
 * How long a server may take to leave.
 * @param drainMs how long it may finish its requests
 * @param settings `drainGraceMs` is for all the rest, an app's `termGraceMs` included
 */
export function leaveWithinMs(
  { killMs, spec }: Leaver,
  drainMs: number,
  { drainGraceMs, termGraceMs }: LeaveSettings,
): number {
  const longer = (killMs ?? spec?.killMs ?? 0) - termGraceMs;
  return drainMs + drainGraceMs + Math.max(0, longer);
}
