import { isOutage } from '../errors.ts';
import { type Background, repeat } from '../loop.ts';
import type { Overview } from '../model/overview.ts';
import { type Around, type OverviewSource, overviewOf } from './overview.ts';
import { publicOverview } from './public-view.ts';
import type { Rights } from './rights.ts';

export interface LookoutDeps {
  readonly source: OverviewSource;
  /** @throws StoreError */
  around(): Promise<Around>;
  log(line: string): void;
}

/** One overview, written once for each who may see as much. */
export class Made {
  readonly overview: Overview;
  readonly #texts = new Map<Rights, string>();

  constructor(overview: Overview) {
    this.overview = overview;
  }

  seenBy(rights: Rights): Overview {
    return rights === 'all' ? this.overview : publicOverview(this.overview);
  }

  text(rights: Rights): string {
    const text = this.#texts.get(rights) ?? JSON.stringify(this.seenBy(rights));
    this.#texts.set(rights, text);
    return text;
  }
}

const nothingAround: Around = { desiredServers: new Map(), doors: [], queue: null };

/** Makes one overview a second for all who look, and none while nobody does. */
export class Lookout {
  readonly #deps: LookoutDeps;
  readonly #everyMs: number;
  #around = nothingAround;
  #reading: Promise<void> | null = null;
  #readMs = Number.NEGATIVE_INFINITY;
  #made: Made | null = null;
  #madeMs = Number.NEGATIVE_INFINITY;
  #rounds: Background | null = null;

  constructor(deps: LookoutDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
  }

  /** As it is now, or was within the second. */
  async now(): Promise<Made> {
    const known = this.#made;
    if (known && performance.now() - this.#madeMs < this.#everyMs) return known;
    await this.#read();
    return this.#make();
  }

  /** An overview each second from now on. */
  start(onMade: (made: Made) => void): void {
    this.#rounds ??= repeat({
      name: 'overview',
      every: () => this.#everyMs,
      work: () => this.#round(onMade),
      log: this.#deps.log,
      unref: true,
    });
  }

  stop(): void {
    void this.#rounds?.stop();
    this.#rounds = null;
  }

  // Redis may take its time: what was read before will do until then.
  async #round(onMade: (made: Made) => void): Promise<void> {
    const reading = this.#read();
    onMade(this.#make());
    await reading;
  }

  #make(): Made {
    this.#madeMs = performance.now();
    this.#made = new Made(overviewOf(this.#deps.source, this.#around, Date.now()));
    return this.#made;
  }

  #read(): Promise<void> {
    if (performance.now() - this.#readMs < this.#everyMs / 2) return Promise.resolve();
    this.#reading ??= this.#readOnce().finally(() => {
      this.#readMs = performance.now();
      this.#reading = null;
    });
    return this.#reading;
  }

  // While Redis is away the doors and what was asked for are as they were; of the queue nothing is known.
  async #readOnce(): Promise<void> {
    try {
      this.#around = await this.#deps.around();
    } catch (error) {
      this.#around = { ...this.#around, queue: null };
      if (!isOutage(error)) throw error;
    }
  }
}
