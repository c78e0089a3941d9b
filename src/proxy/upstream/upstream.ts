import type { Tally } from '../../metrics/tally.ts';
import type { ConnectionPool } from './connection.ts';
import type { UpstreamState } from './states.ts';

/** A request on its way through a server. */
export interface PendingRequest {
  /** Its index among the pending requests, set by them. */
  slot: number;
  /** Looks whether it has waited too long. Called a few times a second. */
  check(nowMs: number): void;
  /** The server is given up: if it has not started to answer, the request is treated as broken. */
  abandon(): void;
}

/** The requests of one server, in no order. Called for every request: allocates nothing. */
class PendingRequests {
  readonly #all: PendingRequest[] = [];

  add(request: PendingRequest): void {
    request.slot = this.#all.push(request) - 1;
  }

  remove(request: PendingRequest): void {
    const last = this.#all.pop();
    if (!last || last === request) return;
    this.#all[request.slot] = last;
    last.slot = request.slot;
  }

  /** A copy: those that end meanwhile are still called. */
  list(): readonly PendingRequest[] {
    return [...this.#all];
  }
}

/** One server in the pool: what it said of itself, and what the door has seen of it. */
export interface Upstream {
  readonly id: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly connections: ConnectionPool;
  /** What is counted of it. */
  readonly tally: Tally;
  /** Where it answers for its health. */
  health: string;
  /** It tells its id on each connection before it gets anything, as its record says. */
  provesId: boolean;
  state: UpstreamState;
  /** In a few words, for people. */
  reason: string;
  /** When it began to drain: monotonic, 0 before. */
  drainMs: number;
  leased: boolean;
  /** Why its app fails, as it says itself. */
  failing: string | null;
  /** It was seen with a running lease, or answered a probe with its own id, and its port was not found empty since. */
  verified: boolean;
  /** Somebody else answered at its address. */
  stranger: boolean;
  /** Requests and WebSockets that it has now. */
  inflight: number;
  /** Places under its cap that are not ours to use: other workers of this door have them. */
  reserved: number;
  /** Requests among them that still wait for a connection. */
  queued: number;
  readonly pending: PendingRequests;
  /** When connections to it broke, ms. */
  readonly resets: number[];
  probing: boolean;
  /** When the last probe went out, and, coarse, when a request was last answered: monotonic. */
  askedMs: number;
  answeredMs: number;
  /** It ended a connection without announcing it, so it has to be probed. */
  probeSoon: boolean;
  goodProbes: number;
  badProbes: number;
}

export function createUpstream(
  id: string,
  url: string,
  { connections, tally }: Pick<Upstream, 'connections' | 'tally'>,
): Upstream {
  const at = url.lastIndexOf(':');
  return {
    id,
    url,
    host: url.slice('http://'.length, at),
    port: portIn(url),
    connections,
    tally,
    health: '/healthz',
    provesId: false,
    state: 'starting',
    reason: 'starting',
    drainMs: 0,
    leased: false,
    failing: null,
    verified: false,
    stranger: false,
    inflight: 0,
    reserved: 0,
    queued: 0,
    pending: new PendingRequests(),
    resets: [],
    probing: false,
    askedMs: 0,
    answeredMs: 0,
    probeSoon: false,
    goodProbes: 0,
    badProbes: 0,
  };
}

type Ordered = Pick<Upstream, 'id' | 'port'>;

/** Ascending by port, then id: the order that rotation goes in. */
export function inOrder(a: Ordered, b: Ordered): number {
  return a.port - b.port || (a.id < b.id ? -1 : 1);
}

/** The port of a server's address. */
export function portIn(url: string): number {
  return Number(url.slice(url.lastIndexOf(':') + 1));
}

/** The host as sockets want it: an IPv6 address without its brackets. */
export function hostname({ host }: Upstream): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Requests may go there. */
export function isRoutable({ state }: Pick<Upstream, 'state'>): boolean {
  return state === 'healthy' || state === 'suspect';
}

/** It is ejected, but may return. */
export function isLastResort({ state, verified, stranger }: Upstream): boolean {
  return state === 'failed' && verified && !stranger;
}
