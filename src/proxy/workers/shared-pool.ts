import type { PooledServer } from '../membership.ts';
import type { UpstreamState } from '../upstream/states.ts';
import { inOrder, isRoutable, portIn } from '../upstream/upstream.ts';
import type { SeenServer } from './messages.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** A server as all workers together see it: always the same object. */
export interface SharedServer extends PooledServer {
  readonly port: number;
  probeSoon: boolean;
  state: UpstreamState;
}

export interface SharedPoolEvents {
  /** Before it is in that state. */
  turns(server: SharedServer, to: UpstreamState, why: string): void;
  came(id: string): void;
  left(id: string): void;
}

/** The worst that any worker says of a server is what the door says. */
const RANK: Readonly<Record<UpstreamState, number>> = {
  ...{ healthy: 0, suspect: 1, starting: 2, unverified: 3, conflict: 4, failed: 5, denied: 6 },
  draining: 7,
};

/** The door's servers, put together from what its workers report. */
export class SharedPool {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #events: SharedPoolEvents;
  readonly #servers = new Map<string, SharedServer>();
  /** Servers that say that they drain, and the view in which they said it first. */
  readonly #draining = new Map<string, number>();

  constructor(workers: () => readonly WorkerHandle[], events: SharedPoolEvents) {
    this.#workers = workers;
    this.#events = events;
  }

  /** By port, then id. */
  all(): readonly SharedServer[] {
    return [...this.#servers.values()].sort(inOrder);
  }

  get(id: string): SharedServer | null {
    return this.#servers.get(id) ?? null;
  }

  /** These drain, as the registry says from that view on. */
  drain(ids: readonly string[], seq: number): void {
    const now = new Set(ids);
    for (const id of this.#draining.keys()) if (!now.has(id)) this.#draining.delete(id);
    for (const id of ids) if (!this.#draining.has(id)) this.#draining.set(id, seq);
  }

  /** Takes in what workers have told. @returns whether more than counts of requests changed */
  update(): boolean {
    const before = this.#words();
    const workers = this.#workers().filter(({ seq }) => seq > 0);
    const serving = workers.filter(({ state }) => state === 'serving');
    const ids = new Set(workers.flatMap(({ servers }) => [...servers.keys()]));
    for (const id of this.#servers.keys()) if (!ids.has(id)) this.#forget(id);
    for (const id of ids) this.#merge(id, workers, serving.length > 0 ? serving : workers);
    return before !== this.#words();
  }

  #words(): string {
    const words: unknown[] = [];
    for (const { id, state, reason, queued } of this.#servers.values()) {
      words.push(id, state, reason, queued);
    }
    return words.join('\n');
  }

  #merge(id: string, workers: readonly WorkerHandle[], serving: readonly WorkerHandle[]): void {
    const all = seenBy(workers, id);
    const seen = seenBy(serving, id);
    const [worst = all[0]] = [...seen].sort((a, b) => RANK[b.state] - RANK[a.state]);
    if (!worst) return;
    const server = this.#servers.get(id) ?? this.#come(worst);
    const state = this.#draining.has(id) ? 'draining' : worst.state;
    const reason = inWords(worst, seen);
    if (state !== server.state) this.#events.turns(server, state, reason);
    Object.assign(server, {
      ...{ state, reason, inflight: all.reduce((sum, { inflight }) => sum + inflight, 0) },
      ...{ queued: this.#hasLetGo(id, workers) ? 0 : 1 },
      probeSoon: workers.some((worker) => hasDoubts(worker, id)),
    });
  }

  // One that has not heard of it may still send it something.
  #hasLetGo(id: string, workers: readonly WorkerHandle[]): boolean {
    const seq = this.#draining.get(id);
    if (seq === undefined) return false;
    return workers.every((worker) => {
      const seen = worker.servers.get(id);
      return worker.seq >= seq && (!seen || (seen.state === 'draining' && seen.queued === 0));
    });
  }

  #come({ id, url }: SeenServer): SharedServer {
    const server: SharedServer = {
      ...{ id, url, port: portIn(url), state: 'starting', reason: 'starting' },
      ...{ inflight: 0, queued: 0, probeSoon: false },
    };
    this.#servers.set(id, server);
    this.#events.came(id);
    return server;
  }

  // What was under way at one that went without leaving in order has seen it die.
  #forget(id: string): void {
    const server = this.#servers.get(id);
    if (server && server.state !== 'draining') server.state = 'failed';
    this.#servers.delete(id);
    this.#events.left(id);
  }
}

function hasDoubts({ servers, broken }: WorkerHandle, id: string): boolean {
  return broken.has(id) || servers.get(id)?.probeSoon === true;
}

function seenBy(workers: readonly WorkerHandle[], id: string): SeenServer[] {
  return workers.flatMap(({ servers }) => servers.get(id) ?? []);
}

/** Where workers differ, how many say so. */
function inWords({ state, reason }: SeenServer, seen: readonly SeenServer[]): string {
  const same = seen.filter((other) => isRoutable(other) === isRoutable({ state })).length;
  if (same === seen.length || reason === '') return reason;
  return `${reason} (${same} of ${seen.length} workers)`;
}
