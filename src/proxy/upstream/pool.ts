import { debug } from '../../debug.ts';
import type { DoorFigures } from '../../metrics/door-figures.ts';
import type { Tally } from '../../metrics/tally.ts';
import type { RoutedListing, RoutedView } from '../../model/fleet-view.ts';
import { urlsInConflict } from './address-policy.ts';
import type { ConnectionPool, ServerEnd } from './connection.ts';
import { type BadProbe, isGivenUp, type ProbeResult } from './probe.ts';
import { transition, type UpstreamEvent, type UpstreamState } from './states.ts';
import { createUpstream, inOrder, isLastResort, isRoutable, type Upstream } from './upstream.ts';

export interface PoolOptions {
  readonly probeFailuresToEject: number;
  readonly probesToReadmit: number;
  readonly resetsToEject: number;
  readonly resetWindowMs: number;
  readonly leaseMs: number;
  readonly lateBeatMs: number;
}

export interface PoolDeps {
  readonly figures: Pick<DoorFigures, 'tally' | 'left'>;
  openConnections(url: string, tally: Tally, server: ServerEnd): ConnectionPool;
  /** Why a server at this address must never be used, or null. */
  deny(host: string, port: number): string | null;
  nowMs(): number;
  /** One is about to enter a state, for a reason. */
  onTurn(upstream: Upstream, to: UpstreamState, reason: string): void;
  /** A healthy server must be probed at once. */
  onSuspect(): void;
}

/** The door's own table of servers: what it hears and sees of each, led by `states.ts`. */
export class UpstreamPool {
  readonly #deps: PoolDeps;
  readonly #options: PoolOptions;
  readonly #upstreams = new Map<string, Upstream>();
  #routable: readonly Upstream[] | null = null;

  constructor(deps: PoolDeps, options: PoolOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Healthy and suspect servers, by port, then id. A new array after each change. */
  routable(): readonly Upstream[] {
    this.#routable ??= this.all().filter(isRoutable);
    return this.#routable;
  }

  /** The upstream of that id, if it is healthy or suspect. */
  one(id: string): Upstream | null {
    const upstream = this.#upstreams.get(id);
    return upstream && isRoutable(upstream) ? upstream : null;
  }

  /** Servers that failed but may be tried before giving up. */
  lastResort(): readonly Upstream[] {
    return this.all().filter(isLastResort);
  }

  /** Whether a server has said that it starts, and lives. */
  starting(): boolean {
    return this.all().some(({ state, leased }) => state === 'starting' && leased);
  }

  all(): readonly Upstream[] {
    return [...this.#upstreams.values()].sort(inOrder);
  }

  /** Takes in what the registry holds now, without the workers, which take no requests. */
  apply({ servers }: RoutedView): void {
    const view = { servers: servers.filter(({ record }) => !record.worker) };
    const inConflict = urlsInConflict(view);
    const seen = new Set<string>();
    for (const listing of view.servers) {
      seen.add(listing.record.id);
      this.#see(listing, inConflict.has(listing.record.url));
    }
    for (const upstream of [...this.#upstreams.values()])
      if (!seen.has(upstream.id)) this.#miss(upstream);
  }

  /** No connection could be made. `vacant`: nobody listens there, so whoever does later must prove its id. */
  refused(upstream: Upstream, why: string, vacant: boolean): void {
    if (vacant) upstream.verified = false;
    this.#on(upstream, 'refused', why);
  }

  /** A connection broke before it answered. */
  reset(upstream: Upstream): void {
    const { resetWindowMs, resetsToEject } = this.#options;
    const now = this.#deps.nowMs();
    upstream.resets.push(now);
    while ((upstream.resets[0] ?? now) < now - resetWindowMs) upstream.resets.shift();
    if (upstream.resets.length < resetsToEject || !isRoutable(upstream)) return;
    upstream.resets.length = 0;
    this.#on(upstream, 'resets', `${resetsToEject} connections broke`);
  }

  probed(upstream: Upstream, result: ProbeResult): void {
    if (upstream.state === 'draining' || this.#upstreams.get(upstream.id) !== upstream) return;
    upstream.probeSoon = result.kind !== 'good';
    if (result.kind === 'good') this.#good(upstream);
    else if (result.kind === 'draining') this.#on(upstream, 'drains', 'its health check says so');
    else this.#bad(upstream, result);
  }

  // The connections of a server that dies end with it, often long before the next request.
  #question(upstream: Upstream): void {
    if (this.one(upstream.id) !== upstream || upstream.probeSoon) return;
    upstream.probeSoon = true;
    this.#deps.onSuspect();
  }

  #see({ record, leaseLeftMs }: RoutedListing, inConflict: boolean): void {
    const upstream = this.#known(record.id, record.url, inConflict);
    const { health = upstream.health, failing = null, provesId = false } = record;
    Object.assign(upstream, { health, failing, provesId });
    if (upstream.state === 'draining' || upstream.state === 'denied') return;
    upstream.leased = leaseLeftMs !== null && leaseLeftMs > 0;
    if (record.state === 'draining') this.#on(upstream, 'drains', 'it says so');
    else if (record.state === 'up' && upstream.leased) this.#on(upstream, 'leased', '');
    else if (record.state === 'up') this.#on(upstream, 'expired', 'its lease ran out');
    if (record.failing || this.#isLate(leaseLeftMs)) this.#question(upstream);
  }

  /** A heartbeat is overdue: its event loop may stand still. */
  #isLate(leaseLeftMs: number | null): boolean {
    const { leaseMs, lateBeatMs } = this.#options;
    return leaseLeftMs !== null && leaseLeftMs < leaseMs - lateBeatMs;
  }

  #known(id: string, url: string, inConflict: boolean): Upstream {
    const upstream = this.#upstreams.get(id);
    if (upstream?.url === url) return upstream;
    if (upstream) this.#forget(upstream);
    return this.#admit(id, url, inConflict);
  }

  #admit(id: string, url: string, inConflict: boolean): Upstream {
    const tally = this.#deps.figures.tally(id);
    const connections = this.#deps.openConnections(url, tally, {
      peer: () => ({ upstream, tell: (result) => this.probed(upstream, result) }),
      onCut: () => this.#question(upstream),
    });
    const upstream: Upstream = createUpstream(id, url, { connections, tally });
    this.#upstreams.set(id, upstream);
    this.#routable = null;
    const denial = this.#deps.deny(upstream.host, upstream.port);
    if (denial) this.#enter(upstream, 'denied', denial);
    else if (inConflict) this.#enter(upstream, 'conflict', 'another record has its address');
    return upstream;
  }

  #miss(upstream: Upstream): void {
    upstream.leased = false;
    if (isRoutable(upstream)) return this.#on(upstream, 'vanished', 'its record vanished');
    const { probeFailuresToEject } = this.#options;
    const mayReturn = upstream.state === 'failed' && upstream.badProbes < probeFailuresToEject;
    if (upstream.inflight === 0 && !mayReturn) this.#on(upstream, 'vanished', '');
  }

  #good(upstream: Upstream): void {
    upstream.stranger = false;
    upstream.badProbes = 0;
    upstream.goodProbes += 1;
    const needed = upstream.state === 'failed' ? this.#options.probesToReadmit : 1;
    if (upstream.goodProbes >= needed) this.#on(upstream, 'passed', '');
  }

  #bad(upstream: Upstream, { kind, why }: BadProbe): void {
    // It is only slow: a request was answered meanwhile.
    const isSlow = kind === 'silent' && upstream.answeredMs > upstream.askedMs;
    if (isSlow && isRoutable(upstream)) return;
    upstream.goodProbes = 0;
    if (!isSlow) upstream.badProbes += 1;
    upstream.stranger ||= kind === 'stranger' || kind === 'nameless';
    if (kind === 'vacant') upstream.verified = false;
    if (!isRoutable(upstream)) upstream.reason = why;
    if (kind === 'vacant') this.#on(upstream, 'vacant', why);
    if (!isGivenUp(upstream, kind, this.#options.probeFailuresToEject)) return;
    this.#on(upstream, 'failing', why);
    for (const request of upstream.pending.list()) request.abandon();
  }

  #on(upstream: Upstream, event: UpstreamEvent, reason: string): void {
    const next = transition(upstream.state, event);
    if (next === 'failed') upstream.tally.ejected(event);
    if (next === 'gone') this.#forget(upstream);
    else if (next === 'in') this.#bringIn(upstream);
    else if (next !== null) this.#enter(upstream, next, reason);
  }

  #bringIn(upstream: Upstream): void {
    upstream.verified = true;
    upstream.badProbes = 0;
    if (upstream.leased) this.#enter(upstream, 'healthy', '');
    else this.#enter(upstream, 'suspect', 'its lease ran out, it answers probes');
  }

  #enter(upstream: Upstream, state: UpstreamState, reason: string): void {
    this.#deps.onTurn(upstream, state, reason);
    Object.assign(upstream, { state, reason });
    if (isRoutable(upstream)) upstream.badProbes = 0;
    else upstream.goodProbes = 0;
    this.#routable = null;
    if (state !== 'draining') return;
    upstream.drainMs = this.#deps.nowMs();
    // Connections close when their requests are over: the server leaves that to the door.
    upstream.connections.close();
  }

  #forget(upstream: Upstream): void {
    debug.proxy?.(`server ${upstream.id}: ${upstream.state}, gone`);
    this.#upstreams.delete(upstream.id);
    this.#deps.figures.left(upstream.id);
    this.#routable = null;
    upstream.connections.close();
  }
}
