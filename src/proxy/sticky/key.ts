import { randomBytes } from 'node:crypto';
import { isOutage, MeowError } from '../../errors.ts';
import { type Background, repeat } from '../../loop.ts';
import type { Sticky } from './cookie.ts';

/** Where all doors of a fleet find one key. */
export interface SharedKey {
  /** The one that is there; set to `fresh` where there is none. Null where it is of no use. */
  stickyKey(fresh: string): Promise<string | null>;
}

/** Where this door keeps it, for when Redis was emptied while no door ran. */
export interface KeptKey {
  readonly namespace: string;
  load(): string | null;
  /** @throws FailedError naming the file */
  save(key: string): void;
}

export interface StickyKeyDeps {
  readonly registry: SharedKey;
  readonly kept: KeptKey;
  readonly sticky: Sticky;
  log(line: string): void;
}

const KEY_BYTES = 32;

/** Keeps the key of the cookies the same at all doors: the one in Redis, or the last one while Redis is away. */
export class StickyKey {
  readonly #deps: StickyKeyDeps;
  readonly #everyMs: number;
  readonly #said = new Set<string>();
  #key: string | null = null;
  #rounds: Background | null = null;

  constructor(deps: StickyKeyDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
  }

  /** @throws StoreError when Redis cannot be asked the first time */
  async start(): Promise<void> {
    await this.#look();
    this.#rounds = repeat({
      name: 'sticky',
      every: () => this.#everyMs,
      work: () => this.#look(),
      log: this.#deps.log,
      isTold: isOutage,
      unref: true,
    });
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
  }

  // An emptied Redis gets back the key that is in use.
  async #look(): Promise<void> {
    const { registry, kept } = this.#deps;
    const own = this.#key ?? kept.load() ?? randomBytes(KEY_BYTES).toString('base64url');
    const shared = await registry.stickyKey(own);
    this.#use(shared ?? own);
    if (shared === null)
      this.#say('the sticky key in Redis is not valid: other doors may use another one');
  }

  #use(key: string): void {
    if (key === this.#key) return;
    const { kept, sticky } = this.#deps;
    this.#key = key;
    sticky.use(key);
    try {
      if (kept.load() !== key) kept.save(key);
    } catch (error) {
      if (!(error instanceof MeowError)) throw error;
      this.#say(error.message);
    }
  }

  #say(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#deps.log(`sticky: ${line}`);
  }
}
