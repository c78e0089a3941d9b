import { defaults } from '../../defaults.ts';
import { UsageError } from '../../errors.ts';
import type { AppFlags } from './app-flags.ts';

/** What may be told to the verbs that start servers, and says where those listen. */
export interface PlaceFlags {
  readonly port?: number;
  readonly host?: string;
  readonly advertise?: string;
}

/** @throws UsageError where a program is to take no requests, and is told how to take them */
export function checkWorker(flags: AppFlags & PlaceFlags, program: readonly string[] | null): void {
  if (!flags.noHttp) return;
  if (program === null) {
    throw new UsageError('--no-http without a program', 'Name it: --no-http -- node worker.js');
  }
  const given = whatIsForHttp(flags) ?? (hasPort(program) ? '{port}' : null);
  if (given === null) return;
  const message = `${given} together with --no-http: what takes no requests has no port`;
  throw new UsageError(message, 'Use one of them');
}

function whatIsForHttp(flags: AppFlags & PlaceFlags): string | null {
  if (flags.health !== undefined) return '--health';
  if (flags.healthStatus !== undefined) return '--health-status';
  if (flags.port !== undefined) return '--port';
  if (flags.advertise !== undefined) return '--advertise';
  return (flags.host ?? defaults.serverHost) === defaults.serverHost ? null : '--host';
}

function hasPort(program: readonly string[]): boolean {
  return program.some((word) => word.includes('{port}'));
}
