import { defaults } from '../../defaults.ts';
import type { Standby } from '../../process/standby.ts';

/** The processes of the next servers, which boot while the doors take those before them. */
export class Standbys<Old extends { readonly id: string }> {
  readonly #hold: (old: Old) => Standby | null;
  readonly #held = new Map<string, Standby>();

  constructor(hold: (old: Old) => Standby | null) {
    this.#hold = hold;
  }

  begin(olds: readonly Old[]): void {
    for (const old of olds.filter(({ id }) => !this.#held.has(id))) {
      const held = this.#hold(old);
      if (held) this.#held.set(old.id, held);
    }
  }

  /** The process that is to replace this server, if it has been begun. */
  take(id: string): Standby | null {
    return this.#held.get(id) ?? null;
  }

  /** Ends all that were not let go. */
  async discard(): Promise<void> {
    const all = [...this.#held.values()];
    await Promise.all(all.map((held) => held.discard(defaults.termGraceMs)));
  }
}
