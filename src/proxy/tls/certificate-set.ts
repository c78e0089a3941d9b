import type { SecureContext } from 'node:tls';
import type { Certificate } from './certificate.ts';

/** The certificates of a door, and which of them a client is shown. */
export class CertificateSet {
  #all: readonly Certificate[];
  /** Told when the one for clients that name no host is another. */
  onFirst: (first: Certificate) => void = () => {};
  /** Told when any of them is another. */
  onChange: () => void = () => {};

  constructor(all: readonly Certificate[]) {
    this.#all = all;
  }

  get all(): readonly Certificate[] {
    return this.#all;
  }

  /** The first one: for clients that name no host, or none that is known. */
  get first(): Certificate {
    const [first] = this.#all;
    if (!first) throw new Error('there is no certificate');
    return first;
  }

  /** The one that is for this very name, else one by a wildcard, else the first. */
  for(host: string): SecureContext {
    let best = this.first;
    let fit = 0;
    for (const each of this.#all) {
      const fits = each.fits(host);
      if (fits > fit) [best, fit] = [each, fits];
    }
    return best.context;
  }

  replace(all: readonly Certificate[]): void {
    const before = this.first;
    this.#all = all;
    if (this.first !== before) this.onFirst(this.first);
    this.onChange();
  }
}
