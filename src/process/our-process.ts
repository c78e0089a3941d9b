import { basename } from 'node:path';
import { UsageError } from '../errors.ts';
import { parseRedisUrl } from '../store/connection/redis-url.ts';
import { identify, type Machine } from './identity.ts';

export type Kind = 'server' | 'proxy' | 'up' | 'keep';

/** One run of one machine's operating system, as far as pids go. */
export type Run = Pick<Machine, 'bootId' | 'pidNs'>;

/** Which fleet a process belongs to. */
export interface FleetName {
  readonly namespace: string;
  /** `host:port/db`; null for the one that is used where none is named. */
  readonly redis: string | null;
}

/** A process of meowctl that goes on. */
export interface Running extends Run, FleetName {
  readonly kind: Kind;
  /** Id of the server; null where its command line does not tell. */
  readonly id: string | null;
  readonly pid: number;
  readonly pidStart: string;
  /** Where the admin listener of a door is. */
  readonly admin?: string;
  /** The Unix socket that it hands its own sockets over by. */
  readonly handOver?: string;
}

const verbs: Readonly<Record<string, Kind>> = {
  serve: 'server',
  proxy: 'proxy',
  up: 'up',
  keep: 'keep',
};

/** @param redisUrl null where none is named; one that is no address names nothing */
export function fleetName(redisUrl: string | null, namespace: string): FleetName {
  if (redisUrl === null) return { namespace, redis: null };
  try {
    const { label, db } = parseRedisUrl(redisUrl);
    return { namespace, redis: `${label.replace(/^localhost:/, '127.0.0.1:')}/${db}` };
  } catch (error) {
    if (error instanceof UsageError) return { namespace, redis: null };
    throw error;
  }
}

/** Whether it still runs: to be asked right before each signal. */
export function stillRuns({ kind, id, pid, pidStart }: Running): boolean {
  const found = identify(pid);
  if (found === null || found.start !== pidStart) return false;
  const told = kindOf(found.commandLine);
  return told !== null && told.kind === kind && (told.id === null || told.id === id);
}

/** What a command line of meowctl says; null for any other. A server run by hand has no id there. */
export function kindOf(commandLine: readonly string[]): Pick<Running, 'kind' | 'id'> | null {
  const at = commandLine.findIndex((word) => /^meowctl(\.js)?$/.test(basename(word)));
  if (at === -1) return null;
  const words = commandLine.slice(at + 1).filter((word) => word !== '--debug');
  const kind = verbs[words[0] ?? ''];
  if (kind === undefined) return null;
  const isServe = kind === 'server' && words[1] === '--id';
  return { kind, id: isServe ? (words[2] ?? null) : null };
}
