import type { WorkerHandle } from './worker-handle.ts';

/** One that asked for a place, and how many have not said yet whether they have one. */
interface Asking {
  readonly worker: WorkerHandle;
  readonly question: number;
  readonly servers: readonly string[];
  left: number;
}

/**
 * The door's cap of requests at each server, shared out among its workers: together they never have
 * more. Each begins with an equal share; one that needs more gets what others have free.
 */
export class InflightCap {
  readonly #most: number;
  readonly #share: number;
  readonly #given = new Map<string, Map<WorkerHandle, number>>();
  readonly #asking = new Map<number, Asking>();
  #recalls = 0;

  constructor(maxInflight: number, workers: number) {
    this.#most = maxInflight;
    this.#share = Math.floor(maxInflight / workers);
  }

  /** Its share at each of these servers, as far as there is one left. */
  cover(worker: WorkerHandle, servers: Iterable<string>): void {
    for (const server of servers) {
      const lacks = this.#share - (this.#of(server).get(worker) ?? 0);
      if (lacks > 0) this.#give(worker, server, lacks);
    }
  }

  /** It leaves: what it does not use is for others. */
  release(worker: WorkerHandle): void {
    const recall = this.#recalls++;
    for (const [server, given] of this.#given) {
      if (given.has(worker)) worker.process.send({ do: 'recall', server, recall });
    }
  }

  full(worker: WorkerHandle, question: number, servers: readonly string[]): void {
    const free = servers.find((server) => this.#free(server) > 0);
    if (free !== undefined) return this.#grant({ worker, question }, free);
    const recall = this.#recalls++;
    const others = servers.flatMap((server) =>
      [...this.#of(server)].filter(([other, places]) => other !== worker && places > 0),
    );
    const asking = { worker, question, servers, left: others.length };
    if (others.length === 0) return this.#refuse(asking);
    this.#asking.set(recall, asking);
    for (const server of servers) this.#recall(worker, server, recall);
  }

  returned(worker: WorkerHandle, server: string, places: number, recall: number): void {
    const given = this.#of(server);
    given.set(worker, (given.get(worker) ?? 0) - places);
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
  keepOnly(worker: WorkerHandle, servers: (id: string) => boolean): void {
    for (const [server, given] of this.#given) {
      if (servers(server)) continue;
      given.delete(worker);
      if (given.size === 0) this.#given.delete(server);
    }
  }

  gone(worker: WorkerHandle): void {
    this.keepOnly(worker, () => false);
    // What it would have said is not known any more, and what it had is free.
    const left = [...this.#asking.values()].filter((asking) => asking.worker !== worker);
    this.#asking.clear();
    for (const asking of left) this.full(asking.worker, asking.question, asking.servers);
  }

  #recall(worker: WorkerHandle, server: string, recall: number): void {
    for (const [other, places] of this.#of(server)) {
      if (other !== worker && places > 0) other.process.send({ do: 'recall', server, recall });
    }
  }

  // Half of what is left, so that the next one who asks finds some too.
  #grant({ worker, question }: Pick<Asking, 'worker' | 'question'>, server: string): void {
    this.#give(worker, server, Math.ceil(this.#free(server) / 2));
    worker.process.send({ do: 'answer', question, yes: true });
  }

  #refuse({ worker, question }: Pick<Asking, 'worker' | 'question'>): void {
    worker.process.send({ do: 'answer', question, yes: false });
  }

  #give(worker: WorkerHandle, server: string, wanted: number): void {
    const places = Math.min(wanted, this.#free(server));
    const given = this.#of(server);
    given.set(worker, (given.get(worker) ?? 0) + places);
    if (places > 0) worker.process.send({ do: 'grant', server, places });
  }

  #free(server: string): number {
    let free = this.#most;
    for (const places of this.#of(server).values()) free -= places;
    return free;
  }

  #of(server: string): Map<WorkerHandle, number> {
    const given = this.#given.get(server) ?? new Map<WorkerHandle, number>();
    this.#given.set(server, given);
    return given;
  }
}
