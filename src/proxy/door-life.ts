import { StoreError } from '../errors.ts';
import type { DoorRecord, RosterView } from '../store/records.ts';
import type { Unsubscribe } from '../store/store.ts';
import type { Member } from './member.ts';
import type { Roster } from './roster.ts';

/** The door's own lease. */
export interface DoorLease {
  beatDoor(door: DoorRecord): Promise<void>;
  leaveDoor(id: string): Promise<void>;
}

/** What the door learns the fleet from. */
export interface FleetSource {
  roster(limit: number): Promise<RosterView>;
  acknowledge(serverId: string, doorId: string): Promise<void>;
  /** Calls back with an id, or null when anything may have changed. A hint, nothing more. */
  watch(listener: (id: string | null) => void): Unsubscribe;
}

export interface DoorLifeDeps {
  readonly registry: DoorLease & FleetSource;
  readonly roster: Roster;
  /** The door as it is now. */
  record(): DoorRecord;
  /** After each reading of the registry. */
  onRead(): void;
  /** One line about what somebody should look at. */
  onTrouble(line: string): void;
}

export interface DoorLifeOptions {
  readonly rosterReadMs: number;
  readonly maxRosterServers: number;
}

/**
 * The door's place in the registry: it renews its lease, then reads the fleet, every second, at
 * every hint and at every reconnect. While Redis is away it does nothing, and the roster stays.
 */
export class DoorLife {
  readonly #deps: DoorLifeDeps;
  readonly #options: DoorLifeOptions;
  readonly #said = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #unwatch: Unsubscribe | null = null;
  #reading = false;
  /** The roster as Redis has it. */
  #told = '';
  #again = false;
  #ended = false;

  constructor(deps: DoorLifeDeps, options: DoorLifeOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** @throws StoreError when the registry cannot be reached the first time */
  async start(): Promise<void> {
    await this.#round();
    this.#unwatch = this.#deps.registry.watch(() => this.refresh());
    this.#timer = setInterval(() => this.refresh(), this.#options.rosterReadMs);
  }

  /** A round soon. Rounds never overlap: what is asked for during one is done in one more. */
  refresh(): void {
    if (this.#ended) return;
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#round().catch((error: unknown) => this.#forgiveOutage(error));
  }

  /** Acknowledges every draining server for which nothing waits any more. */
  acknowledge(): void {
    const { registry, roster, record } = this.#deps;
    if (this.#ended) return;
    for (const member of roster.all()) {
      if (!isSettled(member)) continue;
      const told = registry.acknowledge(member.id, record().id);
      told.catch((error: unknown) => this.#forgiveOutage(error));
    }
  }

  /** Leaves the registry, if it can be reached. */
  async stop(): Promise<void> {
    this.#ended = true;
    if (this.#timer) clearInterval(this.#timer);
    this.#unwatch?.();
    const { registry, record } = this.#deps;
    await registry.leaveDoor(record().id).catch((error: unknown) => this.#forgiveOutage(error));
  }

  // The lease comes first: a server that drains must know of every door that may have read it.
  async #round(): Promise<void> {
    const { registry, record } = this.#deps;
    this.#reading = true;
    try {
      const now = record();
      this.#told = JSON.stringify(now.roster);
      await registry.beatDoor(now);
    } finally {
      await this.#read();
    }
  }

  // Also when the lease could not be written: a read-only Redis still knows the fleet.
  async #read(): Promise<void> {
    const { registry, roster, onRead } = this.#deps;
    try {
      const view = await registry.roster(this.#options.maxRosterServers);
      if (this.#ended) return;
      roster.apply(view);
      await this.#publish().catch((error: unknown) => this.#forgiveOutage(error));
      this.#report(view);
      onRead();
      this.acknowledge();
    } finally {
      this.#reading = false;
      if (this.#again) queueMicrotask(() => this.refresh());
      this.#again = false;
    }
  }

  // Somebody may wait to hear that a new server is used: a restart does.
  async #publish(): Promise<void> {
    const now = this.#deps.record();
    if (JSON.stringify(now.roster) === this.#told) return;
    this.#told = JSON.stringify(now.roster);
    await this.#deps.registry.beatDoor(now);
  }

  #report(view: RosterView): void {
    const { maxRosterServers } = this.#options;
    for (const { where, why } of view.skipped) this.#sayOnce(`skipped ${where}: ${why}`);
    for (const { id, cause, reason: why } of this.#deps.roster.all()) {
      if (cause === 'barred') this.#sayOnce(`server ${id} is not used: ${why}`);
    }
    if (view.total > view.servers.length + view.skipped.length) {
      this.#sayOnce(`only the newest ${maxRosterServers} servers are used`);
    }
  }

  // The store says itself when Redis goes away and comes back, and the next round tries again.
  #forgiveOutage(error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    if (error.kind !== 'unavailable') this.#sayOnce(`${error.message}: ${error.remedy}`);
  }

  #sayOnce(line: string): void {
    if (this.#said.has(line) || this.#said.size > this.#options.maxRosterServers) return;
    this.#said.add(line);
    this.#deps.onTrouble(line);
  }
}

function isSettled({ state, queued }: Member): boolean {
  return state === 'draining' && queued === 0;
}
