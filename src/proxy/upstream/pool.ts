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
    const member = this.#upstreams.get(id);
    return member && isRoutable(member) ? member : null;
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
    for (const member of [...this.#upstreams.values()])
      if (!seen.has(member.id)) this.#miss(member);
  }

  /** No connection could be made. `vacant`: nobody listens there, so who does later must prove who it is. */
  refused(member: Upstream, why: string, vacant: boolean): void {
    if (vacant) member.verified = false;
    if (isRoutable(member)) this.#takeOut(member, 'failed', why);
  }

  /** A connection broke before it answered. */
  reset(member: Upstream): void {
    const { resetWindowMs, resetsToEject } = this.#options;
    const now = this.#deps.nowMs();
    member.resets.push(now);
    while ((member.resets[0] ?? now) < now - resetWindowMs) member.resets.shift();
    if (member.resets.length < resetsToEject || !isRoutable(member)) return;
    member.resets.length = 0;
    this.#takeOut(member, 'failed', `${resetsToEject} connections broke`);
  }

  probed(member: Upstream, result: ProbeResult): void {
    if (member.state === 'draining' || this.#upstreams.get(member.id) !== member) return;
    member.suspect = result.kind !== 'good';
    if (result.kind === 'good') this.#good(member);
    else if (result.kind === 'draining') this.#drain(member, 'its health check says so');
    else this.#bad(member, result);
  }

  // One that dies takes its connections with it, often long before the next request.
  #suspect(member: Upstream): void {
    const known = this.#upstreams.get(member.id) === member && isRoutable(member);
    if (!known || member.suspect) return;
    member.suspect = true;
    this.#deps.onSuspect();
  }

  #see({ record, leaseLeftMs }: Listing, contested: boolean): void {
    const member = this.#known(record.id, record.url, contested);
    member.health = record.health ?? member.health;
    member.failing = record.failing ?? null;
    if (member.state === 'draining' || member.cause === 'barred') return;
    member.leased = leaseLeftMs !== null && leaseLeftMs > 0;
    if (record.state === 'draining') this.#drain(member, 'it says so');
    else if (record.state === 'up') this.#judgeLease(member);
    if (record.failing || this.#isLate(leaseLeftMs)) this.#suspect(member);
  }

  /** A beat is overdue: its event loop may stand still. */
  #isLate(leaseLeftMs: number | null): boolean {
    const { leaseMs, lateBeatMs } = this.#options;
    return leaseLeftMs !== null && leaseLeftMs < leaseMs - lateBeatMs;
  }

  #known(id: string, url: string, contested: boolean): Upstream {
    const member = this.#upstreams.get(id);
    if (member?.url === url) return member;
    if (member) this.#forget(member);
    return this.#admit(id, url, contested);
  }

  #admit(id: string, url: string, contested: boolean): Upstream {
    const lines = this.#deps.openConnections(url, () => this.#suspect(member));
    const member: Upstream = createUpstream(id, url, lines);
    this.#upstreams.set(id, member);
    this.#routable = null;
    const barred = this.#deps.bar(member.host, member.port);
    if (barred) this.#takeOut(member, 'barred', barred);
    else if (contested) this.#takeOut(member, 'contested', 'another record has its address');
    return member;
  }

  #judgeLease(member: Upstream): void {
    if (member.cause === 'failed' || member.cause === 'contested') return;
    if (member.leased) {
      if (member.state !== 'usable') this.#bringIn(member);
    } else if (member.state === 'usable') this.#doubt(member, 'its lease ran out');
    else if (member.cause === 'starting')
      this.#takeOut(member, 'unproved', 'its lease had run out');
  }

  #miss(member: Upstream): void {
    if (member.state === 'usable') return this.#doubt(member, 'its record vanished');
    member.leased = false;
    if (member.state === 'doubtful' || member.inflight > 0) return;
    const { probeFailuresToDrop } = this.#options;
    if (member.cause === 'failed' && member.badProbes < probeFailuresToDrop) return;
    this.#forget(member);
  }

  #good(member: Upstream): void {
    member.stranger = false;
    member.badProbes = 0;
    member.goodProbes += 1;
    const needed = member.cause === 'failed' ? this.#options.probesToReturn : 1;
    if (member.state === 'out' && member.goodProbes >= needed) this.#bringIn(member);
  }

  #bad(member: Upstream, { kind, why }: BadProbe): void {
    // Only slow: somebody's request was answered meanwhile.
    if (kind === 'silent' && isRoutable(member) && member.answeredMs > member.askedMs) return;
    member.goodProbes = 0;
    member.badProbes += 1;
    member.stranger ||= kind === 'stranger' || kind === 'nameless';
    if (kind === 'vacant') member.verified = false;
    if (member.state === 'out') member.reason = why;
    if (kind === 'vacant' && member.state === 'usable') this.#takeOut(member, 'failed', why);
    const hopeless = kind === 'stranger' || member.badProbes >= this.#options.probeFailuresToDrop;
    if (!isRoutable(member) || !hopeless) return;
    this.#takeOut(member, 'failed', why);
    for (const passenger of member.pending.list()) passenger.abandon();
  }

  #bringIn(member: Upstream): void {
    member.verified = true;
    member.badProbes = 0;
    if (member.leased) this.#move(member, 'usable', null, '');
    else this.#move(member, 'doubtful', null, 'its lease ran out, it answers probes');
  }

  #doubt(member: Upstream, reason: string): void {
    member.leased = false;
    member.badProbes = 0;
    this.#move(member, 'doubtful', null, reason);
  }

  #takeOut(member: Upstream, cause: EjectionCause, reason: string): void {
    member.goodProbes = 0;
    this.#move(member, 'out', cause, reason);
  }

  #drain(member: Upstream, reason: string): void {
    this.#move(member, 'draining', null, reason);
    member.drainMs = this.#deps.nowMs();
    // Lets what is in flight finish, then closes the connections: the server leaves that to us.
    member.connections.close();
  }

  #move(member: Upstream, state: UpstreamState, cause: EjectionCause | null, reason: string): void {
    if (member.state !== state) member.since = Date.now();
    Object.assign(member, { state, cause, reason });
    this.#routable = null;
  }

  #forget(member: Upstream): void {
    this.#upstreams.delete(member.id);
    this.#routable = null;
    member.connections.close();
  }
}
