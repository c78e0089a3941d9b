import type { FleetView } from '../../model/fleet-view.ts';

interface FleetLooksDeps {
  readonly registry: {
    fleet(): Promise<FleetView>;
    fleetOf(ids: readonly string[]): Promise<FleetView>;
  };
  /** What runs or is to run here. */
  readonly desired: { ids(): readonly string[] };
}

/**
 * A host looks at its own servers, and at the whole fleet the less often the larger that is: there are
 * as many hosts as the fleet is large, and they would read its square.
 */
export class FleetLooks {
  readonly #deps: FleetLooksDeps;
  readonly #keepMs: number;
  readonly #nowMs: () => number;
  #wholeMs = Number.NEGATIVE_INFINITY;
  #total = 0;
  /** What the last look was at. */
  #seen: ReadonlySet<string> = new Set();

  /** @param keepMs how long a look at all is good, for each server of the fleet */
  constructor(deps: FleetLooksDeps, keepMs: number, nowMs: () => number) {
    this.#deps = deps;
    this.#keepMs = keepMs;
    this.#nowMs = nowMs;
  }

  /**
   * @param id of what changed; null where anything may have
   * @returns whether that is news here; a new server of this host is seen within the second
   */
  isNews(id: string | null): boolean {
    if (id === null) this.#wholeMs = Number.NEGATIVE_INFINITY;
    return id === null || this.#deps.desired.ids().includes(id);
  }

  async look(): Promise<FleetView> {
    const nowMs = this.#nowMs();
    const ids = this.#deps.desired.ids();
    this.#seen = new Set(ids);
    if (nowMs - this.#wholeMs < this.#total * this.#keepMs) {
      return this.#deps.registry.fleetOf(ids);
    }
    const fleet = await this.#deps.registry.fleet();
    this.#wholeMs = nowMs;
    // Records that are no good are read too.
    this.#total = fleet.total;
    this.#seen = new Set([...ids, ...fleet.servers.map(({ record }) => record.id)]);
    return fleet;
  }

  /** Whether the last look would have shown that server: one that is new here is in the next one. */
  saw(id: string): boolean {
    return this.#seen.has(id);
  }
}
