import { identify, isHere, isProcess, type Machine } from '../../process/identity.ts';
import type { Registry } from '../../store/store.ts';
import type { Known } from '../targets/servers.ts';

export interface DestroyDeps {
  /** The state folder. */
  readonly home: string;
  readonly registry: Pick<
    Registry,
    'fleet' | 'orderRetire' | 'orderRetireUnlessLast' | 'forget' | 'killedAfter'
  >;
}

export interface DestroyOptions {
  /** Ids, ports or urls. None: a random server that is up. */
  readonly targets: readonly string[];
  readonly all: boolean;
  /** Even the last one. `all` implies it. */
  readonly force: boolean;
  readonly drainMs: number;
  readonly drainGraceMs?: number;
  readonly termGraceMs?: number;
  readonly signal?: AbortSignal;
  /** Told at once of what is not this host's to end, in words. */
  say?(line: string): void;
}

/** One run of `destroy`, from its orders to its last signal. */
export interface Job extends DestroyDeps, DestroyOptions {
  readonly machine: Machine;
  readonly known: readonly Known[];
}

export function runsHere({ machine }: Job, { record }: Known): boolean {
  return isHere(record, machine) && isProcess(record, identify(record.pid));
}

export function nameOf({ id, record }: Known): string {
  if (record.worker) return `worker ${id}`;
  return `server ${id} on port ${record.port}`;
}
