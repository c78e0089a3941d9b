import { StoreError } from '../../errors.ts';
import { type Background, repeat } from '../../loop.ts';
import type { Overview } from '../../model/overview.ts';
import type { Events } from '../../store/events/events.ts';
import type { Pictures, Registry, Visits } from '../../store/store.ts';
import type { Rights } from '../responses/rights.ts';
import { type Around, type OverviewSource, Overviews } from './overview.ts';
import { publicOverview } from './public-view.ts';

export interface OverviewCacheDeps {
  readonly source: OverviewSource;
  readonly store: ShownStore;
  log(line: string): void;
}

/** An overview, with its JSON as each rights may see it, written once. */
export class RenderedOverview {
  readonly overview: Overview;
  readonly doors: Around['doors'];
  readonly #texts = new Map<Rights, string>();

  constructor(overview: Overview, { doors }: Around) {
    this.overview = overview;
    this.doors = doors;
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

/** The parts of the store that the admin listener shows. */
export interface ShownStore {
  readonly registry: Pick<Registry, 'around'>;
  readonly images: Pick<Pictures, 'size' | 'list' | 'read'>;
  readonly visits: Pick<Visits, 'recent'>;
  readonly events: Pick<Events, 'read' | 'follow'>;
}

const nothingAround: Around = {
  ...{ desiredServers: new Map(), doors: [] },
  ...{ queue: null, latencyMs: null },
};

/** Makes one overview a second for all who look, and none while nobody does. */
export class OverviewCache {
  readonly #deps: OverviewCacheDeps;
  readonly #everyMs: number;
  readonly #overviews: Overviews;
  #around = nothingAround;
  #said = '';
  #reading: Promise<void> | null = null;
  #readMs = Number.NEGATIVE_INFINITY;
  #made: RenderedOverview | null = null;
  #madeMs = Number.NEGATIVE_INFINITY;
  #rounds: Background | null = null;

  constructor(deps: OverviewCacheDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
    this.#overviews = new Overviews(deps.source);
  }

  /** As it is now, or was within the second. */
  async now(): Promise<RenderedOverview> {
    const known = this.#made;
    if (known && performance.now() - this.#madeMs < this.#everyMs) return known;
    await this.#read();
    return this.#make();
  }

  /** An overview each second from now on. */
  start(onMade: (made: RenderedOverview) => void): void {
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
  async #round(onMade: (made: RenderedOverview) => void): Promise<void> {
    const reading = this.#read();
    onMade(this.#make());
    await reading;
  }

  #make(): RenderedOverview {
    this.#madeMs = performance.now();
    this.#made = new RenderedOverview(this.#overviews.make(this.#around, Date.now()), this.#around);
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

  #sayOnce(trouble: string): void {
    if (trouble === this.#said) return;
    this.#said = trouble;
    this.#deps.log(`overview: ${trouble}`);
  }

  // While Redis is away the doors and what was asked for are as they were; of the queue nothing is known.
  async #readOnce(): Promise<void> {
    try {
      this.#around = await readAround(this.#deps.store);
    } catch (error) {
      this.#around = { ...this.#around, queue: null };
      if (!(error instanceof StoreError)) throw error;
      if (error.kind !== 'unavailable') this.#sayOnce(error.message);
    }
  }
}

async function readAround({ registry, images }: ShownStore): Promise<Around> {
  const startMs = performance.now();
  const size = images.size().then((queue) => ({ queue, latencyMs: performance.now() - startMs }));
  const [around, { queue, latencyMs }] = await Promise.all([registry.around(), size]);
  return { ...around, queue, latencyMs: Math.round(latencyMs * 10) / 10 };
}
