import type { Member } from './member.ts';

/** One that asked for a place, and how many have not said yet whether they have one. */
interface Asking {
  readonly member: Member;
  readonly question: number;
  left: number;
}

/**
 * The door's cap of requests at each server, shared out among its workers: together they never have
 * more. Each begins with an equal share; one that needs more gets what others have free.
 */
export class PlacesShared {
  readonly #most: number;
  readonly #share: number;
  readonly #given = new Map<string, Map<Member, number>>();
  readonly #asking = new Map<number, Asking>();
  #recalls = 0;

  constructor(maxInflight: number, workers: number) {
    this.#most = maxInflight;
    this.#share = Math.floor(maxInflight / workers);
  }

  /** Its share at each of these servers, as far as there is one left. */
  cover(member: Member, servers: Iterable<string>): void {
    for (const server of servers) {
      const lacks = this.#share - (this.#of(server).get(member) ?? 0);
      if (lacks > 0) this.#give(member, server, lacks);
    }
  }

  /** It leaves: what it does not use is for others. */
  release(member: Member): void {
    const recall = this.#recalls++;
    for (const [server, given] of this.#given) {
      if (given.has(member)) member.process.send({ do: 'recall', server, recall });
    }
  }

  full(member: Member, question: number, servers: readonly string[]): void {
    const free = servers.find((server) => this.#free(server) > 0);
    if (free !== undefined) return this.#grant({ member, question, left: 0 }, free);
    const recall = this.#recalls++;
    const others = servers.flatMap((server) =>
      [...this.#of(server)].filter(([other, places]) => other !== member && places > 0),
    );
    const asking = { member, question, left: others.length };
    if (others.length === 0) return this.#refuse(asking);
    this.#asking.set(recall, asking);
    for (const server of servers) this.#recall(member, server, recall);
  }

  returned(member: Member, server: string, places: number, recall: number): void {
    const given = this.#of(server);
    given.set(member, (given.get(member) ?? 0) - places);
    const asking = this.#asking.get(recall);
    if (!asking) return;
    asking.left -= 1;
    if (this.#free(server) > 0) {
      this.#asking.delete(recall);
      this.#grant(asking, server);
    } else if (asking.left <= 0) {
      this.#asking.delete(recall);
      this.#refuse(asking);
    }
  }

  /** It knows of no other servers any more. */
  keepOnly(member: Member, servers: (id: string) => boolean): void {
    for (const [server, given] of this.#given) {
      if (servers(server)) continue;
      given.delete(member);
      if (given.size === 0) this.#given.delete(server);
    }
  }

  gone(member: Member): void {
    this.keepOnly(member, () => false);
    for (const [recall, asking] of this.#asking) {
      if (asking.member === member) this.#asking.delete(recall);
      // What it would have said is not known any more: whoever asked asks again.
      else this.#refuse(asking);
    }
  }

  #recall(member: Member, server: string, recall: number): void {
    for (const [other, places] of this.#of(server)) {
      if (other !== member && places > 0) other.process.send({ do: 'recall', server, recall });
    }
  }

  // Half of what is left, so that the next one who asks finds some too.
  #grant({ member, question }: Asking, server: string): void {
    this.#give(member, server, Math.ceil(this.#free(server) / 2));
    member.process.send({ do: 'answer', question, yes: true });
  }

  #refuse({ member, question }: Asking): void {
    member.process.send({ do: 'answer', question, yes: false });
  }

  #give(member: Member, server: string, wanted: number): void {
    const places = Math.min(wanted, this.#free(server));
    const given = this.#of(server);
    given.set(member, (given.get(member) ?? 0) + places);
    if (places > 0) member.process.send({ do: 'grant', server, places });
  }

  #free(server: string): number {
    let free = this.#most;
    for (const places of this.#of(server).values()) free -= places;
    return free;
  }

  #of(server: string): Map<Member, number> {
    const given = this.#given.get(server) ?? new Map<Member, number>();
    this.#given.set(server, given);
    return given;
  }
}
