import { isOutage, type StoreError } from '../errors.ts';
import { troubleInWords, withoutRedis } from '../expected-errors.ts';
import { type Background, repeat } from '../loop.ts';
import type { DoorRecord } from '../model/door-record.ts';
import type { Listing, RecordsView, RoutedView } from '../model/fleet-view.ts';
import type { Unsubscribe } from '../store/store.ts';
import { type DoorLease, DoorWords, type DoorWordsLimits } from './door-words.ts';
import { FleetReader, type FleetRecords, type ReadingLimits } from './fleet-reader.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What the door learns the fleet from. */
export interface FleetSource extends FleetRecords {
  acknowledge(serverId: string, doorId: string): Promise<void>;
  /** Calls back with the id that changed, or null when anything may have. Only a hint. */
  watch(listener: (id: string | null) => void): Unsubscribe;
}

/** A server as a door uses it. */
export type PooledServer = Pick<
  Upstream,
  'id' | 'url' | 'state' | 'reason' | 'inflight' | 'queued'
>;

/** What follows the registry. */
interface FollowingPool {
  all(): readonly (Pick<PooledServer, 'id' | 'reason' | 'queued'> & { readonly state: string })[];
  /** Takes in what the registry holds now; resolves when it is gone by. */
  apply(view: RoutedView): void | Promise<void>;
}

/** The door's servers: of one process, or of all its workers together. */
export interface DoorPool extends FollowingPool {
  all(): readonly PooledServer[];
  routable(): readonly unknown[];
}

export interface MembershipDeps {
  readonly registry: DoorLease & FleetSource;
  readonly pool: FollowingPool;
  /** The door as it is now. */
  record(): DoorRecord;
  /** After each reading of the registry. */
  onRead(): void;
  /** After each round: why Redis is out of reach, or null where it is not. */
  onRedis(trouble: StoreError | null): void;
  /** One line about what somebody should look at. */
  onTrouble(line: string): void;
}

export interface MembershipOptions extends Omit<ReadingLimits, 'freshLeaseMs'>, DoorWordsLimits {
  readonly leaseMs: number;
  readonly lateBeatMs: number;
}

/**
 * The door's place in the registry: it renews its lease, then reads the fleet, every second, at
 * every hint and at every reconnect. While Redis is away it does nothing, and the pool stays.
 */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #options: MembershipOptions;
  readonly #said = new Set<string>();
  #rounds: Background | null = null;
  #unwatch: Unsubscribe | null = null;
  readonly #reader: FleetReader;
  readonly #words: DoorWords;
  #ended = false;
  #servers: readonly Listing[] = [];

  constructor(deps: MembershipDeps, options: MembershipOptions) {
    this.#deps = deps;
    this.#options = options;
    const freshLeaseMs = options.leaseMs - options.lateBeatMs;
    this.#words = new DoorWords(deps.registry, deps.record, options);
    this.#reader = new FleetReader(deps.registry, { ...options, freshLeaseMs });
  }

  /** @throws StoreError when the registry cannot be reached the first time */
  async start(): Promise<void> {
    await this.#round();
    const rounds = repeat({
      name: 'registry',
      every: () => this.#options.registryReadMs,
      work: () => this.#watched(),
      log: this.#deps.onTrouble,
      isTold: isOutage,
    });
    this.#rounds = rounds;
    this.#unwatch = this.#deps.registry.watch((id) => {
      this.#reader.hint(id);
      if (id === null) this.#words.forget();
      rounds.soon();
    });
  }

  /** Acknowledges every draining server for which nothing waits any more. */
  acknowledge(): void {
    const { registry, pool, record } = this.#deps;
    if (this.#ended) return;
    const settled = pool.all().filter(isSettled);
    if (settled.length === 0) return;
    const { id: door } = record();
    for (const { id } of settled) {
      registry.acknowledge(id, door).catch((error: unknown) => this.#sayTrouble(error));
    }
  }

  /** What the door does with its servers changed between two readings. */
  changed(): void {
    this.acknowledge();
    if (!this.#ended) this.#words.publish().catch((error: unknown) => this.#sayTrouble(error));
  }

  /** The servers as they were read last; what they have counted may be of a while ago, and is read soon. */
  servers(): readonly Listing[] {
    this.#reader.shown();
    return this.#servers;
  }

  /** Reads the fleet soon, not only at the next round. */
  look(): void {
    this.#rounds?.soon();
  }

  /** Looks no more; somebody else goes on in its place. */
  async handOver(): Promise<void> {
    this.#ended = true;
    this.#unwatch?.();
    await this.#rounds?.stop();
  }

  /** Leaves the registry, if it can be reached. */
  async stop(): Promise<void> {
    await this.handOver();
    await this.#words.leave().catch((error: unknown) => this.#sayTrouble(error));
  }

  async #watched(): Promise<void> {
    const { onRedis } = this.#deps;
    try {
      await this.#round();
      onRedis(null);
    } catch (error) {
      if (isOutage(error)) onRedis(error);
      throw error;
    }
  }

  // The lease comes first: a server that drains must know of every door that may have read it.
  async #round(): Promise<void> {
    try {
      await this.#words.renew();
    } finally {
      await this.#read();
    }
  }

  // Also when the lease could not be written: a read-only Redis still knows the fleet.
  async #read(): Promise<void> {
    const { pool, onRead } = this.#deps;
    const view = await this.#reader.read();
    if (this.#ended) return;
    this.#servers = view.servers;
    await pool.apply(view);
    if (this.#ended) return;
    await this.#words.publish().catch(withoutRedis(null)); // the next round meets the same, and says it
    this.#report(view);
    onRead();
    this.acknowledge();
  }

  #report(view: RecordsView): void {
    const { maxPoolServers } = this.#options;
    for (const { where, why } of view.skipped) this.#sayOnce(`skipped ${where}: ${why}`);
    for (const { id, state, reason: why } of this.#deps.pool.all()) {
      if (state === 'denied') this.#sayOnce(`server ${id} is not used: ${why}`);
    }
    if (view.total > maxPoolServers) {
      this.#sayOnce(`only the newest ${maxPoolServers} servers are used`);
    }
  }

  // An outage the store says itself.
  #sayTrouble(error: unknown): void {
    if (!isOutage(error)) this.#sayOnce(`registry: ${troubleInWords(error)}`);
  }

  #sayOnce(line: string): void {
    if (this.#said.has(line) || this.#said.size > this.#options.maxPoolServers) return;
    this.#said.add(line);
    this.#deps.onTrouble(line);
  }
}

function isSettled({ state, queued }: Pick<PooledServer, 'queued'> & { state: string }): boolean {
  return state === 'draining' && queued === 0;
}
