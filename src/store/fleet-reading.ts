import type { DoorRecord } from '../model/door-record.ts';
import type { FleetAround, FleetView, RecordsView, Silence } from '../model/fleet-view.ts';

/** What is read of the fleet. Every method rejects with StoreError when Redis cannot answer. */
export interface FleetReading {
  /** The newest `limit` servers by lease. */
  records(limit: number): Promise<RecordsView>;
  /** Those of them that are there, and how many there are in all. */
  recordsOf(ids: readonly string[]): Promise<RecordsView>;
  /**
   * All servers, where `known` was read before: who is up as it was is told by its id alone, its
   * record is the one that is known and its lease the least that it can be. Whole where there are
   * more than `limit`, as by `records`.
   * @param freshMs what is left of a lease that nobody needs to know more of
   */
  glance(known: RecordsView, freshMs: number, limit: number): Promise<RecordsView>;
  fleet(): Promise<FleetView>;
  /** The same of these servers alone, without the doors. */
  fleetOf(ids: readonly string[]): Promise<FleetView>;
  /** The fleet without its records, for who has read those already. */
  around(): Promise<FleetAround>;
  doors(): Promise<readonly DoorRecord[]>;
  /** Why servers may send no heartbeat: asked only then. Changes nothing. */
  silence(): Promise<Silence>;
}
