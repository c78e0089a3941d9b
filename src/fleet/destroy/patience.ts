import { defaults } from '../../config.ts';
import type { AppSpec, ServerRecord } from '../../model/records.ts';

/** A server, or what is wanted of one. */
export type Leaver = Pick<ServerRecord, 'killMs'> & { readonly spec?: Pick<AppSpec, 'killMs'> };

/**
 * How long a server may take to leave.
 * @param drainMs how long it may finish its requests
 * @param graceMs for all the rest, its app's default time from SIGTERM to SIGKILL included
 */
export function leaveWithinMs(
  { killMs, spec }: Leaver,
  drainMs: number,
  graceMs: number = defaults.drainGraceMs,
): number {
  const longer = (killMs ?? spec?.killMs ?? 0) - defaults.termGraceMs;
  return drainMs + graceMs + Math.max(0, longer);
}
