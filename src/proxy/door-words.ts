import type { DoorRecord } from '../model/door-record.ts';

/** The door's own lease. */
export interface DoorLease {
  beatDoor(door: DoorRecord): Promise<void>;
  /** False where what it wrote is gone. */
  renewDoor(id: string): Promise<boolean>;
  leaveDoor(id: string): Promise<void>;
}

export interface DoorWordsLimits {
  readonly registryReadMs: number;
  /** How long its table may stand in Redis as it is, for each server in it. */
  readonly rosterKeepMs: number;
}

/**
 * What a door writes into the registry. Of a large fleet the table of its servers is most of that, and
 * seldom changes: then it renews its lease alone, and what it has counted is told a little later.
 */
export class DoorWords {
  readonly #lease: DoorLease;
  readonly #record: () => DoorRecord;
  readonly #limits: DoorWordsLimits;
  /** The table as Redis has it; '' where that is not known. */
  #told = '';
  #toldMs = Number.NEGATIVE_INFINITY;
  #renewedMs = Number.NEGATIVE_INFINITY;

  /** @param record the door as it is now */
  constructor(lease: DoorLease, record: () => DoorRecord, limits: DoorWordsLimits) {
    this.#lease = lease;
    this.#record = record;
    this.#limits = limits;
  }

  /** Each second, however often it is asked. */
  async renew(): Promise<void> {
    const { registryReadMs, rosterKeepMs } = this.#limits;
    const nowMs = performance.now();
    if (nowMs - this.#renewedMs < registryReadMs / 2) return;
    const record = this.#record();
    const roster = JSON.stringify(record.roster);
    const keepMs = Object.keys(record.roster).length * rosterKeepMs;
    const stands = roster === this.#told && nowMs - this.#toldMs < keepMs;
    if (!(stands && (await this.#lease.renewDoor(record.id)))) await this.#tell(record, roster);
    this.#renewedMs = nowMs;
  }

  /** Redis may be another, or as it was a while ago: what it was told counts no more. */
  forget(): void {
    this.#told = '';
    this.#renewedMs = Number.NEGATIVE_INFINITY;
  }

  /** At once, where the table has changed: somebody may wait to hear that a new server is used. */
  async publish(): Promise<void> {
    const record = this.#record();
    const roster = JSON.stringify(record.roster);
    if (roster !== this.#told) await this.#tell(record, roster);
  }

  leave(): Promise<void> {
    return this.#lease.leaveDoor(this.#record().id);
  }

  async #tell(record: DoorRecord, roster: string): Promise<void> {
    this.#told = roster;
    this.#toldMs = performance.now();
    try {
      await this.#lease.beatDoor(record);
    } catch (error) {
      this.#told = '';
      throw error;
    }
  }
}
