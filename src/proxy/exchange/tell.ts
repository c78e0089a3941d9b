import type { FailedTry } from '../request-notes.ts';
import { remark } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { DoorContext, Outgoing } from './context.ts';

/** How a request ended. */
export interface Told {
  readonly startMs: number;
  readonly status: number;
  /** Who answered; null when the door did. */
  readonly served: string | null;
  readonly isStream: boolean;
  readonly tried: readonly Upstream[];
  /** Null where none was asked in vain. */
  readonly failures: readonly FailedTry[] | null;
  readonly trouble: string | null;
}

export const CLIENT_LEFT = 'the client left';
const SERVER_ERROR = 500;

/** Tells of a request that is over whoever counts, writes down or remembers it. */
export function tell(
  { figures, notes, onAnswer }: DoorContext,
  outgoing: Outgoing,
  told: Told,
): void {
  const { status, served, tried, isStream, failures } = told;
  const durationMs = performance.now() - told.startMs;
  figures?.answered(tried.at(-1)?.tally ?? null, status, isStream ? null : durationMs);
  const isTrouble = hadTrouble(told);
  if (!onAnswer && !isTrouble) return;
  const { method, path } = outgoing;
  const answered = {
    ...{ at: Date.now() - durationMs, method, path, server: served, status, durationMs },
    tried: tried.map(({ id }) => id),
    trouble: remark(status, served) ?? told.trouble,
  };
  onAnswer?.(answered);
  if (isTrouble) notes.add({ ...answered, id: requestId(outgoing), failures: failures ?? [] });
}

// That a client leaves is its own affair, and frequent.
function hadTrouble({ status, failures, trouble }: Told): boolean {
  if (failures !== null || status >= SERVER_ERROR) return true;
  return trouble !== null && trouble !== CLIENT_LEFT;
}

/** What its server is told in `X-Request-Id`. */
export function requestId({ lines, attemptAt, attempt }: Outgoing): string {
  const at = lines.indexOf('x-request-id') + 1;
  return attemptAt.includes(at) ? attempt : (lines[at] ?? attempt);
}
