import { availableParallelism } from 'node:os';
import { isHost, LAST_PORT } from '../../address.ts';
import { defaults } from '../../defaults.ts';
import { engineDefaults } from '../../engine-defaults.ts';
import { UsageError } from '../../errors.ts';
import { asProgram, inShell, isModuleName } from '../../hosting/as-program.ts';
import { isServerId } from '../../ids.ts';
import { DRAIN_SIGNALS } from '../../model/app-spec.ts';
import { isStatusRange, type StatusRange } from '../../model/health-page.ts';
import { parseMessage, parseMessageKey } from '../../model/message.ts';
import { quote } from '../../text.ts';
import { choice } from './choice.ts';

/*
 * What a person types, made into values. Each throws UsageError that names the value and what is
 * allowed. Only plain ASCII digits count: `3e3`, `0x0BB8` and ` 3001` are slips, not ports.
 */

const MAX_SECONDS = 86_400;
const MAX_HSTS_SECONDS = 2 * 366 * 86_400;

export function port(text: string): number {
  return whole(text, 'port', 1, LAST_PORT);
}

export function count(text: string): number {
  return servers(text, 'count', 1);
}

/** A number of servers that may be none. */
export function size(text: string): number {
  return servers(text, 'number of servers', 0);
}

/** Whether a person who typed it most likely meant a file. */
export function looksLikeFile(text: string): boolean {
  return /^[^-].*[./\\]/s.test(text) && /[A-Za-z]/.test(text) && !text.includes('://');
}

/** How a file is served, for whoever put it in another place. */
export function howToServe(file: string): string {
  const run = `\`${asProgram(file)}\``;
  if (!isModuleName(file)) return `Run it as a program: ${run}`;
  return `Serve what it exports with --app ${inShell(file)}; if it listens by itself, run it: ${run}`;
}

function servers(text: string, name: string, least: number): number {
  const most = defaults.maxSpawnCount;
  if (!looksLikeFile(text)) return whole(text, name, least, most, '', appHint(text));
  throw new UsageError(`${name} ${quote(text)} is not a number`, howToServe(text));
}

// `spawn app 4`, `scale api=3`
function appHint(text: string): string {
  return /^[A-Za-z]/.test(text) ? '; a module goes after --app, a program after --' : '';
}

/** How many processes a door is made of. */
export function workers(text: string): number {
  if (text === 'cores') return Math.min(availableParallelism(), defaults.maxWorkers);
  return whole(text, 'number of workers', 1, defaults.maxWorkers, '', ', or cores');
}

/** Threads of HAProxy. */
export function threads(text: string): number {
  return whole(text, 'number of threads', 1, engineDefaults.maxThreads);
}

export function ttl(text: string): number {
  return whole(text, 'ttl', 1, defaults.maxTtlSeconds, 'seconds');
}

/** How long a browser remembers something: two years are as long as anybody asks for. */
export function hstsSeconds(text: string): number {
  return whole(text, 'time', 0, MAX_HSTS_SECONDS, 'seconds');
}

export function limit(text: string): number {
  return whole(text, 'limit', 1, 1_000_000);
}

/** The size of a head: the least is what any browser needs, the most is what servers take. */
export function headerBytes(text: string): number {
  const { leastHeaderBytes, mostHeaderBytes } = defaults;
  return whole(text, 'size of a head', leastHeaderBytes, mostHeaderBytes, 'bytes');
}

/** Seconds, with up to three decimals, as milliseconds. */
export function seconds(text: string): number {
  const value = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value <= MAX_SECONDS) return Math.round(value * 1_000);
  throw new UsageError(
    `time ${quote(text)} is not a number of seconds`,
    `Use seconds from 0 to ${MAX_SECONDS}, such as 30 or 0.5`,
  );
}

/** A number of lines that may be none. */
export function lines(text: string): number {
  return whole(text, 'number of lines', 0, 1_000_000);
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A stretch of time such as `90s`, `10m`, `2h` or `7d`, as milliseconds. */
export function duration(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit !== '') return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  throw new UsageError(
    `time ${quote(text)} is not a stretch of time`,
    'Use a whole number of s, m, h or d, such as 30s, 10m, 2h or 7d',
  );
}

/**
 * A server's id, such as names its log.
 * @param others those before it
 */
export function ids(text: string, others: readonly string[] = []): string[] {
  if (isServerId(text)) return [...others, text];
  throw new UsageError(
    `server ${quote(text)} is not an id`,
    'Use an id of 6 characters a-z 2-9: see `meowctl listservers`',
  );
}

export function messageKey(text: string): string {
  const key = parseMessageKey(text);
  if ('ok' in key) return key.ok;
  throw new UsageError(`key ${quote(text)} is not a key`, `Use ${key.problem}`);
}

export function message(text: string): string {
  const given = parseMessage(text, defaults.maxMessageBytes);
  if ('ok' in given) return given.ok;
  const bytes = Buffer.byteLength(text);
  throw new UsageError(`message ${quote(text)} has ${bytes} bytes`, `Use ${given.problem}`);
}

export function host(text: string): string {
  if (isHost(text)) return text;
  throw new UsageError(
    `host ${quote(text)} is not a host`,
    'Use an address or a name, such as 127.0.0.1 or 0.0.0.0',
  );
}

/** One more name that a listener may be asked by. */
export function hostName(text: string, before: readonly string[] = []): string[] {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/.test(text)) return [...before, text];
  throw new UsageError(
    `host name ${quote(text)} is not a name`,
    'Use a name or an IPv4 address without scheme and port, such as ops.example.com',
  );
}

export function serverId(text: string): string {
  if (isServerId(text)) return text;
  throw new UsageError(`id ${quote(text)} is not a server id`, 'Use 6 characters a-z 2-9');
}

/** Status codes, as `200-399` or `204`. */
export function statusRange(text: string): StatusRange {
  const [, first = '', last = first] = /^(\d{3})(?:-(\d{3}))?$/.exec(text) ?? [];
  const range = [Number(first), Number(last)];
  if (isStatusRange(range)) return range;
  throw new UsageError(
    `status ${quote(text)} is not a range of status codes`,
    'Use one such as 200-399, or 204, from 100 to 599',
  );
}

export const retryPolicy = choice(['idempotent', 'connect'], (text) => {
  if (text === 'idempotent' || text === 'connect') return text;
  throw new UsageError(
    `retry ${quote(text)} does not say what may be tried again`,
    'Use idempotent or connect',
  );
});

export const drainSignal = choice(DRAIN_SIGNALS, (text) => {
  const name = text.startsWith('SIG') ? text : `SIG${text}`;
  if (DRAIN_SIGNALS.includes(name)) return name;
  throw new UsageError(
    `signal ${quote(text)} is not one for this`,
    `Use ${DRAIN_SIGNALS.join(', ')}`,
  );
});

export const engine = choice(['embedded', 'haproxy'], (text) => {
  if (text === 'embedded' || text === 'haproxy') return text;
  throw new UsageError(`engine ${quote(text)} is not one`, 'Use embedded or haproxy');
});

export const balance = choice(['round-robin', 'least-inflight'], (text) => {
  if (text === 'round-robin' || text === 'least-inflight') return text;
  throw new UsageError(
    `balance ${quote(text)} is not a way to balance`,
    'Use round-robin or least-inflight',
  );
});

function whole(
  text: string,
  name: string,
  least: number,
  most: number,
  unit = '',
  hint = '',
): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const of = unit ? ` of ${unit}` : '';
  throw new UsageError(
    `${name} ${quote(text)} is not valid`,
    `Use a whole number${of} from ${least} to ${most}${hint}`,
  );
}
