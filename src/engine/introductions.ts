import { isUnknown, type Member } from './rotation.ts';

/** Asks those who they are that HAProxy does not know yet, each once at a time. */
export class Introductions {
  readonly #doubtOf: (member: Member) => Promise<string | null>;
  readonly #onVerified: () => void;
  readonly #asking = new Set<string>();

  /** @param doubtOf why a server gets no request yet; null where it may have one */
  constructor(doubtOf: (member: Member) => Promise<string | null>, onVerified: () => void) {
    this.#doubtOf = doubtOf;
    this.#onVerified = onVerified;
  }

  /** Resolves when each has answered, or not in time. */
  async askAll(members: readonly Member[]): Promise<void> {
    const unknown = members.filter((one) => isUnknown(one) && !this.#asking.has(one.id));
    await Promise.all(unknown.map((member) => this.#ask(member)));
  }

  async #ask(member: Member): Promise<void> {
    this.#asking.add(member.id);
    const doubt = await this.#doubtOf(member);
    this.#asking.delete(member.id);
    member.doubt = doubt ?? '';
    member.verified = doubt === null;
    if (member.verified) this.#onVerified();
  }
}
