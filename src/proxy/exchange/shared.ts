import type { Affinity } from '../sticky/cookie.ts';
import { isFull } from '../upstream/balancer.ts';
import { type Failure, isRefusal, isVacant } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { DoorContext, Outgoing } from './context.ts';
import type { Breaking } from './poison.ts';

/** A request that broke a server, as the door's other workers are to know it. */
export interface SharedBreaking extends Omit<Breaking, 'upstream'> {
  /** The id of that server. */
  readonly server: string;
  /** As this worker has it; an older one does not say. */
  readonly state?: Upstream['state'];
}

/** What is to become of a request that failed. */
export interface Judgement {
  /** It goes to another server. */
  readonly again: boolean;
  /** Servers die of it. */
  readonly poison: boolean;
}

/** What holds for a whole door, however many workers it has: asked of the process that leads them. */
export interface SharedState {
  /** Places under the cap of one of these servers. @returns whether there is one more. Never rejects */
  room(servers: readonly string[]): Promise<boolean>;
  /**
   * @param decision whether it is tried again if it is no poison; null: as the budget says
   * Never rejects.
   */
  judge(breaking: SharedBreaking, decision: boolean | null): Promise<Judgement>;
}

/** An attempt that failed, and the request it was for. */
export interface FailedAttempt {
  readonly failure: Failure;
  /** Null where none was reached. */
  readonly upstream: Upstream | null;
  readonly outgoing: Outgoing;
  /** Attempts so far. */
  readonly attempts: number;
  /** One of them was repeated after it broke. */
  readonly repeated: boolean;
  readonly elapsedMs: number;
}

/** Whether a request is tried again: at once, but where other workers have a say. */
export function judge(context: DoorContext, failed: FailedAttempt): Judgement | Promise<Judgement> {
  const { retryPolicy, poison: list, shared } = context;
  const { failure, upstream, outgoing, ...facts } = failed;
  const { method, path, hasBody } = outgoing;
  const asked = { ...facts, failure, method, hasBody };
  if (!upstream || (failure !== 'broken' && failure !== 'gone')) {
    return { again: retryPolicy.allows({ ...asked, poison: false }), poison: false };
  }
  const { repeated } = failed;
  if (shared) {
    const { id: server, state } = upstream;
    const breaking = { method, path, server, state, repeated };
    return shared.judge(breaking, retryPolicy.decide({ ...asked, poison: false }));
  }
  const poison = list.broke({ method, path, upstream, repeated }, performance.now());
  return { again: retryPolicy.allows({ ...asked, poison }), poison };
}

/** Tells the pool what an attempt says of its server. */
export function tellPool(
  { pool, onChange }: Pick<DoorContext, 'pool' | 'onChange'>,
  upstream: Upstream,
  failure: Failure,
  error: Error,
  why: string,
): void {
  const isRefused = failure === 'unconnected' && isRefusal(error);
  if (isRefused) pool.refused(upstream, why, isVacant(error));
  else if (failure === 'broken') pool.reset(upstream);
  else if (failure !== 'unconnected') return;
  onChange();
}

/**
 * Asks the same for the server that a client sticks to.
 * @returns null where there is room, or other workers can have none
 */
export function ownRoom(
  { pool, shared, options }: Pick<DoorContext, 'pool' | 'shared' | 'options'>,
  tried: readonly Upstream[],
  { server }: Affinity,
): Promise<boolean> | null {
  if (!shared || server === null) return null;
  const upstream = pool.one(server);
  if (!upstream || !isFull(upstream, options.maxInflight) || tried.includes(upstream)) return null;
  return upstream.reserved > 0 ? shared.room([server]) : null;
}

/** Asks the door's other workers for a place at a server. @returns null where there is nobody to ask */
export function moreRoom(
  { pool, shared }: Pick<DoorContext, 'pool' | 'shared'>,
  tried: readonly Upstream[],
): Promise<boolean> | null {
  if (!shared) return null;
  const open = pool.routable().filter((upstream) => !tried.includes(upstream));
  return open.length > 0 ? shared.room(open.map(({ id }) => id)) : null;
}
