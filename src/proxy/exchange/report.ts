import type { FailedTry } from '../request-notes.ts';
import { remark } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { DoorContext, Outgoing } from './context.ts';

/** How a request ended. */
interface EndedExchange {
  readonly status: number;
  readonly durationMs: number;
  /** Who answered; null when the door did. */
  readonly served: string | null;
  readonly tried: readonly Upstream[];
  /** Null where none was asked in vain. */
  readonly failures: readonly FailedTry[] | null;
  readonly trouble: string | null;
}

export const CLIENT_LEFT = 'the client left';
const SERVER_ERROR = 500;

/**
 * Counts a request that is over. Comes for every request: allocates nothing.
 * @param durationMs null where it says nothing of a server's speed
 */
export function count(
  { figures }: DoorContext,
  tried: readonly Upstream[],
  status: number,
  durationMs: number | null,
): void {
  figures?.answered(tried.at(-1)?.tally ?? null, status, durationMs);
}

/** Whether anybody writes it down or remembers it: of most requests nobody does. */
export function isWorthReporting(
  { onAnswer }: DoorContext,
  status: number,
  failures: EndedExchange['failures'],
  trouble: string | null,
): boolean {
  return onAnswer !== null || hadTrouble(status, failures, trouble);
}

/** Reports a request that is over to whoever writes it down or remembers it. */
export function report(
  { notes, onAnswer }: DoorContext,
  outgoing: Outgoing,
  ended: EndedExchange,
): void {
  const { status, served, durationMs, tried, failures, trouble } = ended;
  const { method, path } = outgoing;
  const answered = {
    ...{ at: Date.now() - durationMs, method, path, server: served, status, durationMs },
    tried: tried.map(({ id }) => id),
    trouble: remark(status, served) ?? trouble,
  };
  onAnswer?.(answered);
  if (!hadTrouble(status, failures, trouble)) return;
  notes.add({ ...answered, id: requestId(outgoing), failures: failures ?? [] });
}

// That a client leaves is its own affair, and frequent.
function hadTrouble(
  status: number,
  failures: EndedExchange['failures'],
  trouble: string | null,
): boolean {
  if (failures !== null || status >= SERVER_ERROR) return true;
  return trouble !== null && trouble !== CLIENT_LEFT;
}

/** What its server is told in `X-Request-Id`. */
export function requestId({ lines, attemptAt, attempt }: Outgoing): string {
  const at = lines.indexOf('x-request-id') + 1;
  return attemptAt.includes(at) ? attempt : (lines[at] ?? attempt);
}
