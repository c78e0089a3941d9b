import { httpUrl } from '../address.ts';
import { HEALTH_PATH } from '../health/endpoint.ts';
import type { Listing, RecordsView } from '../model/fleet-view.ts';
import { isLeased } from '../model/fleet-view.ts';
import type { PublicState } from '../proxy/upstream/states.ts';
import { inOrder, portIn } from '../proxy/upstream/upstream.ts';
import type { EngineServer } from './config/backend-config.ts';

/** One server as this door knows it: what it says of itself, and what was seen of it. */
export interface Member extends EngineServer {
  readonly url: string;
  page: string;
  /** It has a record. */
  listed: boolean;
  leased: boolean;
  starting: boolean;
  /** It says so: for good. */
  draining: boolean;
  /** Why no request may ever go to its address. */
  readonly denied: string | null;
  /** Somebody at its address has told its id. */
  verified: boolean;
  /** Why not, so far. */
  doubt: string;
  /** What HAProxy's own health checks say against it. */
  down: string | null;
  /** Requests that it has now. */
  inflight: number;
}

export interface RotationDeps {
  /** Why a server at this address must never be used, or null. */
  deny(host: string, port: number): string | null;
  /** Whether HAProxy may send it new requests. */
  isOn(member: Member): boolean;
  /** Something is to be done. */
  onChange(): void;
}

/** A server as doors tell of it. */
export interface SeenMember {
  readonly id: string;
  readonly url: string;
  readonly state: PublicState;
  readonly reason: string;
  readonly inflight: number;
  /** Requests that may still be sent to it although it drains. */
  readonly queued: number;
}

/**
 * Who should get requests. An orderly leave is believed, a vanishing is verified: a record alone
 * brings nobody in, and its end alone takes nobody out.
 */
export class Rotation {
  readonly #deps: RotationDeps;
  readonly #members = new Map<string, Member>();

  constructor(deps: RotationDeps) {
    this.#deps = deps;
  }

  /** Takes in what the registry holds now, without the workers, which take no requests. */
  apply({ servers }: Pick<RecordsView, 'servers'>): void {
    const listings = servers.filter(({ record }) => !record.worker);
    const seen = new Set(listings.map(({ record }) => record.id));
    for (const listing of listings) this.#see(listing);
    for (const member of this.#members.values()) if (!seen.has(member.id)) this.#miss(member);
    this.#deps.onChange();
  }

  /** What a HAProxy that runs already sends requests to: whoever looked after it has verified that. */
  adopt(
    servers: readonly { readonly id: string; readonly host: string; readonly port: number }[],
  ): void {
    for (const { id, host, port } of servers) {
      const member = this.#create(id, httpUrl(host, port));
      member.verified = true;
    }
  }

  members(): readonly Member[] {
    return [...this.#members.values()].sort(inOrder);
  }

  one(id: string): Member | null {
    return this.#members.get(id) ?? null;
  }

  /** As its door tells of them. */
  all(): readonly SeenMember[] {
    return this.members().map((member) => ({
      id: member.id,
      url: member.url,
      ...stateOf(member, this.#deps.isOn(member)),
      inflight: member.inflight,
      queued: member.draining && this.#deps.isOn(member) ? 1 : 0,
    }));
  }

  /** Health checks of HAProxy have failed; one without a record is gone then. */
  failed(member: Member, why: string): void {
    member.down = why;
    if (!member.listed) this.#members.delete(member.id);
  }

  /** HAProxy begins anew: what its checks said against one has to be asked again. */
  forgetChecks(): void {
    for (const member of this.#members.values()) {
      if (member.down === null) continue;
      member.doubt = member.down;
      member.verified = false;
      member.down = null;
    }
  }

  #see({ record, leaseLeftMs }: Listing): void {
    const known = this.#members.get(record.id);
    const member = known?.url === record.url ? known : this.#create(record.id, record.url);
    member.page = record.health ?? HEALTH_PATH;
    member.listed = true;
    member.leased = isLeased({ leaseLeftMs });
    member.starting = record.state === 'starting';
    member.draining ||= record.state === 'draining';
  }

  #miss(member: Member): void {
    member.listed = false;
    member.leased = false;
    if (!isWanted(member) || member.down !== null) this.#members.delete(member.id);
  }

  #create(id: string, url: string): Member {
    const at = url.lastIndexOf(':');
    const named = url.slice('http://'.length, at).replace(/^\[(.*)\]$/, '$1');
    const host = named === 'localhost' ? '127.0.0.1' : named;
    const port = portIn(url);
    const member: Member = {
      ...{ id, url, host, port, page: HEALTH_PATH, denied: this.#deps.deny(host, port) },
      ...{ listed: false, leased: false, starting: false, draining: false },
      ...{ verified: false, doubt: 'not checked yet', down: null, inflight: 0 },
    };
    this.#members.set(id, member);
    return member;
  }
}

/** Whether HAProxy should have it, and send it requests while its checks are good. */
export function isWanted({ verified, draining, denied }: Member): boolean {
  return verified && !draining && denied === null;
}

/** Whether its id is still to be asked for. */
export function isUnknown({ verified, draining, denied, starting, listed }: Member): boolean {
  return listed && !verified && !draining && denied === null && !starting;
}

function stateOf(member: Member, isOn: boolean): Pick<SeenMember, 'state' | 'reason'> {
  const { denied, draining, starting, verified, doubt, down, leased, listed } = member;
  if (denied !== null) return { state: 'out', reason: denied };
  if (draining) return { state: 'draining', reason: 'it says so' };
  if (starting && !verified) return { state: 'out', reason: 'starting' };
  if (!verified) return { state: 'out', reason: doubt };
  if (down !== null) return { state: 'out', reason: down };
  if (!isOn) return { state: 'out', reason: 'HAProxy does not have it yet' };
  if (leased) return { state: 'usable', reason: '' };
  const lost = listed ? 'its lease ran out' : 'its record vanished';
  return { state: 'doubtful', reason: `${lost}, it answers health checks` };
}
