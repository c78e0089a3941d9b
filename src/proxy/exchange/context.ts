import type { DoorFigures } from '../../metrics/door-figures.ts';
import { plain } from '../../text.ts';
import type { DoorOptions } from '../options.ts';
import type { RequestNotes } from '../request-notes.ts';
import type { Affinity, Sticky } from '../sticky/cookie.ts';
import { type Balancer, isFull } from '../upstream/balancer.ts';
import type { UpstreamPool } from '../upstream/pool.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { PoisonAnswers } from './poison.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { SharedState } from './shared.ts';
import type { StartQueue } from './start-queue.ts';

/** One request, when all is said. */
export interface Answered {
  /** When it came, Unix ms. */
  readonly at: number;
  readonly method: string;
  /** As requested. */
  readonly path: string;
  /** Who answered; null when the door did. */
  readonly server: string | null;
  /** What the client got; 499 when it left first, 101 for an upgrade. */
  readonly status: number;
  readonly durationMs: number;
  /** Every server that was asked, in order. */
  readonly tried: readonly string[];
  /** Why the answer is the door's own, or was cut. */
  readonly trouble: string | null;
}

/** What all requests of one door share. */
export interface DoorContext {
  readonly options: DoorOptions;
  /** `meow-<door id>`, the door's name in Via. */
  readonly name: string;
  readonly pool: UpstreamPool;
  readonly balancer: Balancer;
  readonly retryPolicy: RetryPolicy;
  readonly poison: PoisonAnswers;
  readonly starts: StartQueue;
  /** What this worker has in common with the others of its door; null where it is alone. */
  readonly shared: SharedState | null;
  /** Null where nothing is counted. */
  readonly figures: DoorFigures | null;
  readonly notes: Pick<RequestNotes, 'add'>;
  /** Null where clients do not stick to a server. */
  readonly sticky: Sticky | null;
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** A request for a picture whose client did not get it. */
  readonly onUndelivered: (attempt: string) => void;
  /** A server was taken out, or nothing waits for a connection to it any more. */
  readonly onChange: () => void;
  /** A coarse monotonic clock in milliseconds, refreshed a few times a second: free to read. */
  nowMs: number;
  /** The door is on its way out: every answer is the last on its connection. */
  closing: boolean;
  /** A new name for a request, never used before. */
  newAttempt(): string;
}

/** Whether endless answers are to be ended, because their server or the door leaves. */
export function endsStreams({ closing, options, nowMs }: DoorContext, upstream: Upstream): boolean {
  if (closing) return true;
  return upstream.state === 'draining' && nowMs - upstream.drainMs >= options.streamDrainMs;
}

/**
 * The next server for a request: the one that its client sticks to, or by turns; else one that is
 * ejected but may return.
 */
export function pickUpstream(
  context: DoorContext,
  tried: readonly Upstream[],
  affinity: Affinity | null = null,
): Upstream | null {
  const used = affinity && stickyUpstream(context, tried, affinity);
  if (used) return used;
  const { balancer, pool } = context;
  return balancer.next(pool.routable(), tried) ?? lastResort(context, tried);
}

// This does not move the rotation, which stays strict for all other requests.
function stickyUpstream(
  { pool, options }: DoorContext,
  tried: readonly Upstream[],
  { server }: Affinity,
) {
  const upstream = server === null ? null : pool.one(server);
  if (!upstream || isFull(upstream, options.maxInflight)) return null;
  return tried.includes(upstream) ? null : upstream;
}

// While any server is routable, those that are ejected are left to the probes.
function lastResort({ balancer, pool }: DoorContext, tried: readonly Upstream[]): Upstream | null {
  if (pool.routable().some((upstream) => !tried.includes(upstream))) return null;
  return balancer.next(pool.lastResort(), tried);
}

/** What is sent to whichever server it goes to. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly lines: string[];
  /** Where in `lines` the name of this request goes. */
  readonly attemptAt: readonly number[];
  readonly attempt: string;
  readonly hasBody: boolean;
  /** `Expect: 100-continue`: the server says whether it wants the body. */
  readonly expecting: boolean;
  /** The server that its client sticks to; null where clients stick to none. */
  readonly affinity: Affinity | null;
}

/** How the attempts of one request are told from those of others, in lines for people. */
export function attemptName({ attempt, method, path }: Outgoing): string {
  return `attempt ${attempt} of ${method} ${plain(path)}`;
}
