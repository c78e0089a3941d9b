import type { Listing, RosterView } from '../../model/records.ts';
import { contestedUrls } from './address-policy.ts';
import type { Lines } from './connection.ts';
import type { BadProbe, ProbeResult } from './probe.ts';
import {
  createMember,
  inOrder,
  isLastResort,
  isRoutable,
  type Member,
  type MemberState,
  type OutCause,
} from './upstream.ts';

export interface RosterOptions {
  readonly probeFailuresToDrop: number;
  readonly probesToReturn: number;
  readonly resetsToEject: number;
  readonly resetWindowMs: number;
  readonly leaseMs: number;
  readonly lateBeatMs: number;
}

export interface RosterDeps {
  openLines(url: string, onCut: () => void): Lines;
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
export class Roster {
  readonly #deps: RosterDeps;
  readonly #options: RosterOptions;
  readonly #members = new Map<string, Member>();
  #routable: readonly Member[] | null = null;

  constructor(deps: RosterDeps, options: RosterOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Usable and doubtful servers, by port, then id. A new array after each change. */
  routable(): readonly Member[] {
    this.#routable ??= this.all().filter(isRoutable);
    return this.#routable;
  }

  /** One usable or doubtful server. */
  one(id: string): Member | null {
    const member = this.#members.get(id);
    return member && isRoutable(member) ? member : null;
  }

  /** Servers that are out but may be tried before giving up. */
  lastResort(): readonly Member[] {
    return this.all().filter(isLastResort);
  }

  /** Whether a server has said that it starts, and lives. */
  starting(): boolean {
    return this.all().some(({ cause, leased }) => cause === 'starting' && leased);
  }

  all(): readonly Member[] {
    return [...this.#members.values()].sort(inOrder);
  }

  /** Takes in what the registry holds now; what takes no requests is nothing to it. */
  apply({ servers, ...rest }: RosterView): void {
    const view = { ...rest, servers: servers.filter(({ record }) => !record.worker) };
    const contested = contestedUrls(view);
    const seen = new Set<string>();
    for (const listing of view.servers) {
      seen.add(listing.record.id);
      this.#see(listing, contested.has(listing.record.url));
    }
    for (const member of [...this.#members.values()]) if (!seen.has(member.id)) this.#miss(member);
  }

  /** No connection could be made. `vacant`: nobody listens there, so who does later must prove who it is. */
  refused(member: Member, why: string, vacant: boolean): void {
    if (vacant) member.verified = false;
    if (isRoutable(member)) this.#takeOut(member, 'failed', why);
  }

  /** A connection broke before it answered. */
  reset(member: Member): void {
    const { resetWindowMs, resetsToEject } = this.#options;
    const now = this.#deps.nowMs();
    member.resets.push(now);
    while ((member.resets[0] ?? now) < now - resetWindowMs) member.resets.shift();
    if (member.resets.length < resetsToEject || !isRoutable(member)) return;
    member.resets.length = 0;
    this.#takeOut(member, 'failed', `${resetsToEject} connections broke`);
  }

  probed(member: Member, result: ProbeResult): void {
    if (member.state === 'draining' || this.#members.get(member.id) !== member) return;
    member.suspect = result.kind !== 'good';
    if (result.kind === 'good') this.#good(member);
    else if (result.kind === 'draining') this.#drain(member, 'its health check says so');
    else this.#bad(member, result);
  }

  // One that dies takes its connections with it, often long before the next request.
  #suspect(member: Member): void {
    const known = this.#members.get(member.id) === member && isRoutable(member);
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

  #known(id: string, url: string, contested: boolean): Member {
    const member = this.#members.get(id);
    if (member?.url === url) return member;
    if (member) this.#forget(member);
    return this.#admit(id, url, contested);
  }

  #admit(id: string, url: string, contested: boolean): Member {
    const lines = this.#deps.openLines(url, () => this.#suspect(member));
    const member: Member = createMember(id, url, lines);
    this.#members.set(id, member);
    this.#routable = null;
    const barred = this.#deps.bar(member.host, member.port);
    if (barred) this.#takeOut(member, 'barred', barred);
    else if (contested) this.#takeOut(member, 'contested', 'another record has its address');
    return member;
  }

  #judgeLease(member: Member): void {
    if (member.cause === 'failed' || member.cause === 'contested') return;
    if (member.leased) {
      if (member.state !== 'usable') this.#bringIn(member);
    } else if (member.state === 'usable') this.#doubt(member, 'its lease ran out');
    else if (member.cause === 'starting')
      this.#takeOut(member, 'unproved', 'its lease had run out');
  }

  #miss(member: Member): void {
    if (member.state === 'usable') return this.#doubt(member, 'its record vanished');
    member.leased = false;
    if (member.state === 'doubtful' || member.inflight > 0) return;
    const { probeFailuresToDrop } = this.#options;
    if (member.cause === 'failed' && member.badProbes < probeFailuresToDrop) return;
    this.#forget(member);
  }

  #good(member: Member): void {
    member.stranger = false;
    member.badProbes = 0;
    member.goodProbes += 1;
    const needed = member.cause === 'failed' ? this.#options.probesToReturn : 1;
    if (member.state === 'out' && member.goodProbes >= needed) this.#bringIn(member);
  }

  #bad(member: Member, { kind, why }: BadProbe): void {
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
    for (const passenger of member.passengers.list()) passenger.abandon();
  }

  #bringIn(member: Member): void {
    member.verified = true;
    member.badProbes = 0;
    if (member.leased) this.#move(member, 'usable', null, '');
    else this.#move(member, 'doubtful', null, 'its lease ran out, it answers probes');
  }

  #doubt(member: Member, reason: string): void {
    member.leased = false;
    member.badProbes = 0;
    this.#move(member, 'doubtful', null, reason);
  }

  #takeOut(member: Member, cause: OutCause, reason: string): void {
    member.goodProbes = 0;
    this.#move(member, 'out', cause, reason);
  }

  #drain(member: Member, reason: string): void {
    this.#move(member, 'draining', null, reason);
    member.drainMs = this.#deps.nowMs();
    // Lets what is in flight finish, then closes the connections: the server leaves that to us.
    member.lines.close();
  }

  #move(member: Member, state: MemberState, cause: OutCause | null, reason: string): void {
    if (member.state !== state) member.since = Date.now();
    Object.assign(member, { state, cause, reason });
    this.#routable = null;
  }

  #forget(member: Member): void {
    this.#members.delete(member.id);
    this.#routable = null;
    member.lines.close();
  }
}
