import { isOutage, StoreError } from '../../../errors.ts';
import { type Background, repeat } from '../../../loop.ts';
import type { FleetView } from '../../../model/fleet-view.ts';
import type { Overview } from '../../../model/overview.ts';
import type { Store } from '../../../store/store.ts';
import { until } from '../../../time/until.ts';
import { followDoor } from './door-stream.ts';
import { answeringDoor, findDoor } from './find-door.ts';
import { OwnCounts, type OwnCountsOptions, verdictOn } from './own-counts.ts';

/** What is seen of the fleet, and by whom. */
export interface SourcedOverview {
  readonly overview: Overview;
  /** `door`: a door of this host tells. `counts`: only what servers say of themselves. */
  readonly by: 'door' | 'counts';
}

export interface WatchOptions extends OwnCountsOptions {
  /** Where a door listens that does not say where. */
  readonly usualAdmin: string;
  readonly everyMs: number;
  /** Where doors of this state folder show what they see, for as long as Redis has told of none. */
  doorsHere(): Promise<readonly string[]>;
  log(line: string): void;
}

type Looked = Pick<Store, 'registry' | 'images'>;

/** How many rounds lie between two looks for a door, where there is none. */
const ROUNDS_PER_SEARCH = 3;
const FIRST_WORD_MS = 3_000;
const LOOK_MS = 20;

/** Looks at a fleet once a second: through a door of this host while there is one, else in Redis alone. */
export class Watch {
  readonly #store: Looked;
  readonly #options: WatchOptions;
  readonly #counts: OwnCounts;
  readonly #onOverview: (sourced: SourcedOverview) => void;
  #rounds: Background | null = null;
  #round = 0;
  #leaveDoor: (() => void) | null = null;
  #fleet: FleetView | null = null;
  #last: Overview | null = null;
  #awaySince: number | null = null;

  constructor(
    store: Looked,
    options: WatchOptions,
    onOverview: (sourced: SourcedOverview) => void,
  ) {
    this.#store = store;
    this.#options = options;
    this.#counts = new OwnCounts(options);
    this.#onOverview = onOverview;
  }

  /** Resolves after the first look. @throws StoreError where that failed, and no door here tells */
  async start(): Promise<void> {
    const { everyMs, log } = this.#options;
    const away = await this.#look().then(() => null, outageOrThrow);
    await this.#search();
    if (away && !(await this.#isTold())) {
      await this.stop();
      throw away;
    }
    this.#rounds = repeat({ name: 'top', every: () => everyMs, work: () => this.#goOn(), log });
  }

  async stop(): Promise<void> {
    const rounds = this.#rounds;
    this.#rounds = null;
    this.#leaveDoor?.();
    await rounds?.stop();
  }

  /** Whether all figures are there that there can be: after two beats, without a door. */
  isSettled(): boolean {
    if (this.#leaveDoor) return this.#last?.door.id !== '';
    const up = this.#last?.servers.filter(({ state }) => state === 'up') ?? [];
    return this.#counts.knows(up.map(({ id }) => id));
  }

  /** Whether a door tells what it sees: it does so at once. */
  async #isTold(): Promise<boolean> {
    const isTold = () => this.#last !== null || this.#leaveDoor === null;
    await until(isTold, { everyMs: LOOK_MS, withinMs: FIRST_WORD_MS });
    return this.#last !== null;
  }

  async #goOn(): Promise<void> {
    this.#round += 1;
    await this.#look().catch((error) => this.#away(error));
    const isDue = this.#round % ROUNDS_PER_SEARCH === 0;
    if (!this.#leaveDoor && isDue) await this.#search();
  }

  async #look(): Promise<void> {
    const beganMs = performance.now();
    const fleet = await this.#store.registry.fleet();
    const nowMs = performance.now();
    this.#fleet = fleet;
    this.#awaySince = null;
    const latencyMs = nowMs - beganMs;
    // Counted also while a door tells: it may go at any time.
    const look = { fleet, queue: null, latencyMs, nowMs, at: Date.now() };
    const overview = this.#counts.overview(look);
    if (!this.#leaveDoor) this.#tell({ overview, by: 'counts' });
  }

  /** Redis is away: what was seen last stands, and is said to be old. */
  #away(error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#awaySince ??= Date.now();
    if (this.#leaveDoor || !this.#last) return;
    const redis = { connected: false, since: this.#awaySince, latencyMs: null };
    this.#tell({ overview: { ...this.#last, redis, queue: null }, by: 'counts' });
  }

  async #search(): Promise<void> {
    const { host, usualAdmin, doorsHere } = this.#options;
    const admin = this.#fleet
      ? await findDoor(this.#fleet.doors, host, usualAdmin)
      : await answeringDoor(await doorsHere());
    if (admin === null || this.#leaveDoor) return;
    this.#leaveDoor = await followDoor(admin, {
      onOverview: (overview) => this.#tell({ overview: this.#named(overview), by: 'door' }),
      onEnd: () => {
        this.#leaveDoor = null;
        this.#rounds?.soon();
      },
    });
  }

  #tell(sourced: SourcedOverview): void {
    this.#last = sourced.overview;
    this.#onOverview(sourced);
  }

  /** Whoever has no token gets short names, and no words of an app: Redis has all of them. */
  #named(overview: Overview): Overview {
    const fleet = this.#fleet;
    if (!fleet) return overview;
    const records = new Map(fleet.servers.map(({ record }) => [record.id, record]));
    const servers = overview.servers.map((server) => {
      const app = records.get(server.id)?.app ?? server.app;
      const verdict = verdictOn(server.id, fleet);
      const isSame = verdict?.state === server.door && server.reason !== '';
      return { ...server, app, reason: isSame ? verdict?.reason || server.reason : server.reason };
    });
    return { ...overview, servers };
  }
}

function outageOrThrow(error: unknown): StoreError {
  if (isOutage(error)) return error;
  throw error;
}
