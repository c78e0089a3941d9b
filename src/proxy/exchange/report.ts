import type { FailedTry } from '../request-notes.ts';
import { remark } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { DoorContext, Outgoing } from './context.ts';

/** How a request ended. */
export interface EndedExchange {
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

/** Reports a request that is over to whoever counts it, writes it down or remembers it. */
export function report(
  { figures, notes, onAnswer }: DoorContext,
  outgoing: Outgoing,
  ended: EndedExchange,
): void {
  const { status, served, tried, isStream, failures } = ended;
  const durationMs = performance.now() - ended.startMs;
  figures?.answered(tried.at(-1)?.tally ?? null, status, isStream ? null : durationMs);
  const isTrouble = hadTrouble(ended);
  if (!onAnswer && !isTrouble) return;
  const { method, path } = outgoing;
  const answered = {
    ...{ at: Date.now() - durationMs, method, path, server: served, status, durationMs },
    tried: tried.map(({ id }) => id),
    trouble: remark(status, served) ?? ended.trouble,
  };
  onAnswer?.(answered);
  if (isTrouble) notes.add({ ...answered, id: requestId(outgoing), failures: failures ?? [] });
}

// That a client leaves is its own affair, and frequent.
function hadTrouble({ status, failures, trouble }: EndedExchange): boolean {
  if (failures !== null || status >= SERVER_ERROR) return true;
  return trouble !== null && trouble !== CLIENT_LEFT;
}

/** What its server is told in `X-Request-Id`. */
export function requestId({ lines, attemptAt, attempt }: Outgoing): string {
  const at = lines.indexOf('x-request-id') + 1;
  return attemptAt.includes(at) ? attempt : (lines[at] ?? attempt);
}
