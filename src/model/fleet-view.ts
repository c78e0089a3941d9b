import type { StoreError } from '../errors.ts';
import type { DesiredServer } from './desired-server.ts';
import type { DoorRecord } from './door-record.ts';
import type { ServerRecord } from './server-record.ts';

/** A record and its lease. `leaseLeftMs` is negative once it ran out, null where there is none. */
export interface Listing {
  readonly record: ServerRecord;
  readonly leaseLeftMs: number | null;
}

/** Whether its lease runs; a server without one is lost. */
export function isLeased({ leaseLeftMs }: Pick<Listing, 'leaseLeftMs'>): boolean {
  return leaseLeftMs !== null && leaseLeftMs > 0;
}

/** As much of a record and its lease as a door goes by. */
export interface RoutedListing {
  readonly record: Pick<
    ServerRecord,
    'id' | 'url' | 'state' | 'health' | 'failing' | 'provesId' | 'worker'
  >;
  readonly leaseLeftMs: number | null;
}

export interface RoutedView {
  readonly servers: readonly RoutedListing[];
}

/** Something in Redis that is not ours to understand: said once, skipped, left alone. */
export interface Skipped {
  /** Which key, and which field in it. */
  readonly where: string;
  readonly why: string;
}

export interface RecordsView {
  readonly servers: readonly Listing[];
  /** How many servers hold a record; more than `servers` when the limit cut some off. */
  readonly total: number;
  readonly skipped: readonly Skipped[];
}

/** What was asked for, and the doors that live. */
export interface FleetAround {
  readonly desiredServers: ReadonlyMap<string, DesiredServer>;
  readonly doors: readonly DoorRecord[];
}

export interface FleetView extends RecordsView, FleetAround {
  /** The id of the registry; null where it has none yet. */
  readonly registry: string | null;
}

/** What is known when servers send no heartbeat. */
export interface Silence {
  /** How long ago the last beat of any server or door was taken; null where none is known. */
  readonly agoMs: number | null;
  /** Why Redis would not take a beat now; null where it would. */
  readonly refusal: StoreError | null;
  /** Whether it refuses every write, whoever asks. */
  readonly takesNoWrites: boolean;
  /** The doors that lived when that last beat was taken, and what they said last. */
  readonly doors: readonly DoorRecord[];
}
