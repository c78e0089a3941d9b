import type { RecordsView } from '../model/fleet-view.ts';

/** What is read of the fleet: of all, of what changed, of some. */
export interface FleetRecords {
  records(limit: number): Promise<RecordsView>;
  glance(known: RecordsView, freshMs: number, limit: number): Promise<RecordsView>;
  recordsOf(ids: readonly string[]): Promise<RecordsView>;
}

export interface ReadingLimits {
  readonly registryReadMs: number;
  readonly maxPoolServers: number;
  /** What is left of a lease that is no news. */
  readonly freshLeaseMs: number;
  /** How long all records may lie, for each of them, before all are read again. */
  readonly recordKeepMs: number;
}

/**
 * Reads the fleet with as little as will do. A heartbeat changes what a server has counted, and that
 * is of no use to a door: so at a hint it reads that one server, each second who is not up as before,
 * and all records only now and then, or while somebody looks at them.
 */
export class FleetReader {
  readonly #source: FleetRecords;
  readonly #limits: ReadingLimits;
  readonly #nowMs: () => number;
  readonly #hinted = new Set<string>();
  #known: RecordsView | null = null;
  #wholeMs = Number.NEGATIVE_INFINITY;
  #glanceMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  constructor(source: FleetRecords, limits: ReadingLimits, nowMs = () => performance.now()) {
    this.#source = source;
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** @param id of the server that changed; null where anything may have */
  hint(id: string | null): void {
    if (id === null) this.#wholeMs = Number.NEGATIVE_INFINITY;
    else this.#hinted.add(id);
  }

  /** Somebody looks at all that the records tell: the next reading is of all. */
  shown(): void {
    this.#isShown = true;
  }

  async read(): Promise<RecordsView> {
    const known = this.#known;
    const hinted = [...this.#hinted];
    this.#hinted.clear();
    this.#known = null; // a reading that fails leaves nothing to go on from
    const view = await (known ? this.#readOn(known, hinted) : this.#readAll());
    this.#known = view;
    return view;
  }

  #readOn(known: RecordsView, hinted: readonly string[]): Promise<RecordsView> {
    const { registryReadMs, maxPoolServers, freshLeaseMs, recordKeepMs } = this.#limits;
    const nowMs = this.#nowMs();
    const isOld = nowMs - this.#wholeMs >= known.total * recordKeepMs;
    if (this.#isShown || isOld || known.total > maxPoolServers) return this.#readAll();
    const isDue = nowMs - this.#glanceMs >= registryReadMs / 2;
    if (!isDue && hinted.length > 0) return this.#readSome(known, hinted);
    this.#glanceMs = nowMs;
    return this.#source.glance(without(known, hinted), freshLeaseMs, maxPoolServers);
  }

  #readAll(): Promise<RecordsView> {
    this.#isShown = false;
    this.#wholeMs = this.#nowMs();
    this.#glanceMs = this.#wholeMs;
    return this.#source.records(this.#limits.maxPoolServers);
  }

  async #readSome(known: RecordsView, ids: readonly string[]): Promise<RecordsView> {
    const { servers, total, skipped } = await this.#source.recordsOf(ids);
    const others = without(known, ids).servers;
    // The next glance tells of whoever else is no good.
    return { servers: [...others, ...servers], total, skipped };
  }
}

function without(known: RecordsView, ids: readonly string[]): RecordsView {
  if (ids.length === 0) return known;
  const gone = new Set(ids);
  return { ...known, servers: known.servers.filter(({ record }) => !gone.has(record.id)) };
}
