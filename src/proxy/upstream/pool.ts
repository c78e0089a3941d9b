import type { Listing, RecordsView } from '../../model/records.ts';
import { contestedUrls } from './address-policy.ts';
import type { ConnectionPool } from './connection.ts';
import type { BadProbe, ProbeResult } from './probe.ts';
import {
  createUpstream,
  type EjectionCause,
  inOrder,
  isLastResort,
  isRoutable,
  type Upstream,
  type UpstreamState,
} from './upstream.ts';

export interface PoolOptions {
  readonly probeFailuresToDrop: number;
  readonly probesToReturn: number;
  readonly resetsToEject: number;
  readonly resetWindowMs: number;
  readonly leaseMs: number;
  readonly lateBeatMs: number;
}

export interface PoolDeps {
  openConnections(url: string, onCut: () => void): ConnectionPool;
  /** Why a server at this address must never be used, or null. */
  bar(host: string, port: number): string | null;
  nowMs(): number;
  /** A server that was thought well must be probed at once. */
  onSuspect(): void;
}

/**
 * The door's own table of servers. An orderly leave is believed, vanishing is verified: only
 * `draining`, failed connections and failed probes take a server out, never Redis alone.
 */
export class UpstreamPool {
  readonly #deps: PoolDeps;
  readonly #options: PoolOptions;
  readonly #upstreams = new Map<string, Upstream>();
  #routable: readonly Upstream[] | null = null;

  constructor(deps: PoolDeps, options: PoolOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Usable and doubtful servers, by port, then id. A new array after each change. */
  routable(): readonly Upstream[] {
    this.#routable ??= this.all().filter(isRoutable);
    return this.#routable;
  }

  /** One usable or doubtful server. */
  one(id: string): Upstream | null {
    const upstream = this.#upstreams.get(id);
    return upstream && isRoutable(upstream) ? upstream : null;
  }

  /** Servers that are out but may be tried before giving up. */
  lastResort(): readonly Upstream[] {
    return this.all().filter(isLastResort);
  }

  /** Whether a server has said that it starts, and lives. */
  starting(): boolean {
    return this.all().some(({ cause, leased }) => cause === 'starting' && leased);
  }

  all(): readonly Upstream[] {
    return [...this.#upstreams.values()].sort(inOrder);
  }

  /** Takes in what the registry holds now; what takes no requests is nothing to it. */
  apply({ servers, ...rest }: RecordsView): void {
    const view = { ...rest, servers: servers.filter(({ record }) => !record.worker) };
    const contested = contestedUrls(view);
    const seen = new Set<string>();
    for (const listing of view.servers) {
      seen.add(listing.record.id);
      this.#see(listing, contested.has(listing.record.url));
    }
    for (const upstream of [...this.#upstreams.values()])
      if (!seen.has(upstream.id)) this.#miss(upstream);
  }

  /** No connection could be made. `vacant`: nobody listens there, so who does later must prove who it is. */
  refused(upstream: Upstream, why: string, vacant: boolean): void {
    if (vacant) upstream.verified = false;
    if (isRoutable(upstream)) this.#takeOut(upstream, 'failed', why);
  }

  /** A connection broke before it answered. */
  reset(upstream: Upstream): void {
    const { resetWindowMs, resetsToEject } = this.#options;
    const now = this.#deps.nowMs();
    upstream.resets.push(now);
    while ((upstream.resets[0] ?? now) < now - resetWindowMs) upstream.resets.shift();
    if (upstream.resets.length < resetsToEject || !isRoutable(upstream)) return;
    upstream.resets.length = 0;
    this.#takeOut(upstream, 'failed', `${resetsToEject} connections broke`);
  }

  probed(upstream: Upstream, result: ProbeResult): void {
    if (upstream.state === 'draining' || this.#upstreams.get(upstream.id) !== upstream) return;
    upstream.suspect = result.kind !== 'good';
    if (result.kind === 'good') this.#good(upstream);
    else if (result.kind === 'draining') this.#drain(upstream, 'its health check says so');
    else this.#bad(upstream, result);
  }

  // One that dies takes its connections with it, often long before the next request.
  #suspect(upstream: Upstream): void {
    const known = this.#upstreams.get(upstream.id) === upstream && isRoutable(upstream);
    if (!known || upstream.suspect) return;
    upstream.suspect = true;
    this.#deps.onSuspect();
  }

  #see({ record, leaseLeftMs }: Listing, contested: boolean): void {
    const upstream = this.#known(record.id, record.url, contested);
    upstream.health = record.health ?? upstream.health;
    upstream.failing = record.failing ?? null;
    if (upstream.state === 'draining' || upstream.cause === 'barred') return;
    upstream.leased = leaseLeftMs !== null && leaseLeftMs > 0;
    if (record.state === 'draining') this.#drain(upstream, 'it says so');
    else if (record.state === 'up') this.#judgeLease(upstream);
    if (record.failing || this.#isLate(leaseLeftMs)) this.#suspect(upstream);
  }

  /** A beat is overdue: its event loop may stand still. */
  #isLate(leaseLeftMs: number | null): boolean {
    const { leaseMs, lateBeatMs } = this.#options;
    return leaseLeftMs !== null && leaseLeftMs < leaseMs - lateBeatMs;
  }

  #known(id: string, url: string, contested: boolean): Upstream {
    const upstream = this.#upstreams.get(id);
    if (upstream?.url === url) return upstream;
    if (upstream) this.#forget(upstream);
    return this.#admit(id, url, contested);
  }

  #admit(id: string, url: string, contested: boolean): Upstream {
    const lines = this.#deps.openConnections(url, () => this.#suspect(upstream));
    const upstream: Upstream = createUpstream(id, url, lines);
    this.#upstreams.set(id, upstream);
    this.#routable = null;
    const barred = this.#deps.bar(upstream.host, upstream.port);
    if (barred) this.#takeOut(upstream, 'barred', barred);
    else if (contested) this.#takeOut(upstream, 'contested', 'another record has its address');
    return upstream;
  }

  #judgeLease(upstream: Upstream): void {
    if (upstream.cause === 'failed' || upstream.cause === 'contested') return;
    if (upstream.leased) {
      if (upstream.state !== 'usable') this.#bringIn(upstream);
    } else if (upstream.state === 'usable') this.#doubt(upstream, 'its lease ran out');
    else if (upstream.cause === 'starting')
      this.#takeOut(upstream, 'unproved', 'its lease had run out');
  }

  #miss(upstream: Upstream): void {
    if (upstream.state === 'usable') return this.#doubt(upstream, 'its record vanished');
    upstream.leased = false;
    if (upstream.state === 'doubtful' || upstream.inflight > 0) return;
    const { probeFailuresToDrop } = this.#options;
    if (upstream.cause === 'failed' && upstream.badProbes < probeFailuresToDrop) return;
    this.#forget(upstream);
  }

  #good(upstream: Upstream): void {
    upstream.stranger = false;
    upstream.badProbes = 0;
    upstream.goodProbes += 1;
    const needed = upstream.cause === 'failed' ? this.#options.probesToReturn : 1;
    if (upstream.state === 'out' && upstream.goodProbes >= needed) this.#bringIn(upstream);
  }

  #bad(upstream: Upstream, { kind, why }: BadProbe): void {
    // Only slow: somebody's request was answered meanwhile.
    if (kind === 'silent' && isRoutable(upstream) && upstream.answeredMs > upstream.askedMs) return;
    upstream.goodProbes = 0;
    upstream.badProbes += 1;
    upstream.stranger ||= kind === 'stranger' || kind === 'nameless';
    if (kind === 'vacant') upstream.verified = false;
    if (upstream.state === 'out') upstream.reason = why;
    if (kind === 'vacant' && upstream.state === 'usable') this.#takeOut(upstream, 'failed', why);
    const hopeless = kind === 'stranger' || upstream.badProbes >= this.#options.probeFailuresToDrop;
    if (!isRoutable(upstream) || !hopeless) return;
    this.#takeOut(upstream, 'failed', why);
    for (const request of upstream.pending.list()) request.abandon();
  }

  #bringIn(upstream: Upstream): void {
    upstream.verified = true;
    upstream.badProbes = 0;
    if (upstream.leased) this.#move(upstream, 'usable', null, '');
    else this.#move(upstream, 'doubtful', null, 'its lease ran out, it answers probes');
  }

  #doubt(upstream: Upstream, reason: string): void {
    upstream.leased = false;
    upstream.badProbes = 0;
    this.#move(upstream, 'doubtful', null, reason);
  }

  #takeOut(upstream: Upstream, cause: EjectionCause, reason: string): void {
    upstream.goodProbes = 0;
    this.#move(upstream, 'out', cause, reason);
  }

  #drain(upstream: Upstream, reason: string): void {
    this.#move(upstream, 'draining', null, reason);
    upstream.drainMs = this.#deps.nowMs();
    // Lets what is in flight finish, then closes the connections: the server leaves that to us.
    upstream.connections.close();
  }

  #move(
    upstream: Upstream,
    state: UpstreamState,
    cause: EjectionCause | null,
    reason: string,
  ): void {
    if (upstream.state !== state) upstream.since = Date.now();
    Object.assign(upstream, { state, cause, reason });
    this.#routable = null;
  }

  #forget(upstream: Upstream): void {
    this.#upstreams.delete(upstream.id);
    this.#routable = null;
    upstream.connections.close();
  }
}
