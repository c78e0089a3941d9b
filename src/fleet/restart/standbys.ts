import type { Standby } from '../../process/standby.ts';

/** The processes of the next servers, which boot while the doors take those before them. */
export class Standbys<Old extends { readonly id: string }> {
  readonly #start: (old: Old) => Standby | null;
  readonly #standbys = new Map<string, Standby>();

  constructor(start: (old: Old) => Standby | null) {
    this.#start = start;
  }

  start(olds: readonly Old[]): void {
    for (const old of olds.filter(({ id }) => !this.#standbys.has(id))) {
      const standby = this.#start(old);
      if (standby) this.#standbys.set(old.id, standby);
    }
  }

  /** The process that is to replace this server, if it was started. */
  take(id: string): Standby | null {
    return this.#standbys.get(id) ?? null;
  }

  /** Ends all that were not released. */
  async discard(graceMs: number): Promise<void> {
    const all = [...this.#standbys.values()];
    await Promise.all(all.map((standby) => standby.discard(graceMs)));
  }
}
