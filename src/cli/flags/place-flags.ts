import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { UsageError } from '../../errors.ts';
import type { AppFlags } from './app-flags.ts';
import { host, port } from './values.ts';

/** What may be told to the verbs that start servers, and says where those listen. */
export interface PlaceFlags {
  readonly port?: number;
  readonly host?: string;
  readonly advertise?: string;
}

/** The flags that say where a server listens, and where doors reach it. */
export function addPlaceFlags(command: Command): Command {
  const first = defaults.firstServerPort;
  const listenOn = `listen on this address (default: MEOW_LISTEN, else ${defaults.serverHost})`;
  return command
    .option('--port <port>', `exactly this port (default: the first free one from ${first})`, port)
    .option('--host <host>', listenOn, host)
    .option('--advertise <host>', 'the name doors reach it by', host);
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
