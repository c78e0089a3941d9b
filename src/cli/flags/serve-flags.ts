import { parseArgs } from 'node:util';
import { defaults } from '../../defaults.ts';
import { UsageError } from '../../errors.ts';
import { type AppFlags, healthPath } from './app-flags.ts';
import type { DrainFlags } from './time-limits.ts';
import { drainSignal, host, port, seconds, serverId, statusRange } from './values.ts';

/** What `serve` can be told on its command line. */
export interface ServeFlags extends AppFlags, DrainFlags {
  readonly port?: number;
  readonly host?: string;
  readonly advertise?: string;
  readonly id?: string;
  readonly spawned?: boolean;
  readonly ofUp?: boolean;
  readonly firstPort?: number;
  readonly replaces?: string;
  readonly standby?: boolean;
}

/** Read as `serve` declares them to commander, which a program's server does not load. */
const readers = {
  port,
  host,
  advertise: host,
  'drain-timeout': seconds,
  drain: seconds,
  id: serverId,
  'first-port': port,
  replaces: serverId,
  'env-file': String,
  cwd: String,
  health: healthPath,
  'health-status': statusRange,
  'drain-signal': drainSignal,
  'kill-timeout': seconds,
} as const;

const switches = ['spawned', 'of-up', 'standby', 'env-all', 'no-http'] as const;

/**
 * The flags of `serve`.
 * @param words what follows the verb, without the program
 * @returns null for whatever is not plainly right: commander has the words for that
 */
export function readServeFlags(words: readonly string[]): ServeFlags | null {
  try {
    const { env, ...given } = parseArgs({ args: [...words], options, strict: true }).values;
    if ('drain' in given && 'drain-timeout' in given) return null; // the last one counts
    const read = Object.entries(given).map(([name, value]) => [
      attributeOf(name),
      readValue(name, value),
    ]);
    const usual = { drainTimeout: defaults.drainMs };
    return { ...usual, ...(env ? { env } : {}), ...Object.fromEntries(read) };
  } catch (error) {
    if (isUsage(error)) return null; // said by whoever reads it next
    throw error;
  }
}

function isUsage(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}

const options = {
  env: { type: 'string', multiple: true },
  ...of(Object.keys(readers), 'string'),
  ...of(switches, 'boolean'),
} as const;

function of<T extends 'string' | 'boolean'>(names: readonly string[], type: T) {
  return Object.fromEntries(names.map((name) => [name, { type }]));
}

function readValue(name: string, value: unknown): unknown {
  return typeof value === 'string' ? readers[name as keyof typeof readers](value) : value;
}

function attributeOf(name: string): string {
  if (name === 'drain') return 'drainTimeout';
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
