import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Place } from '../model/place.ts';
import { hostIdOf, readHostFile } from '../state/host-id.ts';
import { captureOutput } from './system-commands.ts';

/** The first process of a container or machine. No word from Redis is enough to signal it. */
export const INIT_PID = 1;

/** A host: one state folder, used in one run of one machine's operating system. */
export interface Machine {
  /** The random id of the state folder. */
  readonly hostId: string;
  /** The machine's name, for people: it says nothing about who is who. */
  readonly host: string;
  readonly bootId: string;
  /** Containers on one machine share its boot id; pids mean something in one namespace only. */
  readonly pidNs: string;
}

export interface ThisProcess extends Machine {
  readonly pid: number;
  readonly pidStart: string;
}

/** What the operating system says of a living process. */
export interface ProcessIdentity {
  /** Clock ticks since boot on Linux, a date elsewhere. */
  readonly start: string;
  readonly commandLine: readonly string[];
}

export type Identify = (pid: number) => ProcessIdentity | null;

/** What a server's record claims of its process. */
export interface ClaimedProcess {
  readonly id: string;
  readonly pid: number;
  readonly pidStart: string;
}

/** @param home the state folder; it need not be there */
export function thisMachine(home: string): ThisProcess {
  const { pid } = process;
  const run = { bootId: bootId(), pidNs: pidNamespace() };
  const pidStart = identify(pid)?.start ?? '';
  return { hostId: hostIdOf(home, run), host: hostname(), ...run, pid, pidStart };
}

/** The same without making a host id where there is none: then it matches nothing. */
export function machineAsItIs(home: string): Machine {
  const hostId = readHostFile(home)?.id ?? '';
  return { hostId, host: hostname(), bootId: bootId(), pidNs: pidNamespace() };
}

/** Null when no such process lives. A zombie does not: it only waits to be counted. */
export function identify(pid: number): ProcessIdentity | null {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/**
 * Whether a process is the server a record speaks of. Pid and start time can both recur (start
 * times are 10 ms ticks), so the server's id must stand in its command line too.
 */
export function isProcess(claimed: ClaimedProcess, found: ProcessIdentity | null): boolean {
  return (
    found !== null &&
    found.start === claimed.pidStart &&
    found.commandLine.some((_, at) => isServe(found.commandLine.slice(at, at + 3), claimed.id))
  );
}

/** Whether the process that a record or a desired server names runs, if it is one of this host. */
export function isAlive(claimed: ClaimedProcess): boolean {
  return isProcess(claimed, identify(claimed.pid));
}

/** Whether a server's process is alive here, as its record or its desired state names it. */
export function isAliveHere(server: ClaimedProcess & Place, machine: Machine): boolean {
  return isHere(server, machine) && isAlive(server);
}

/** Whether it belongs to this host, in whatever run of it. */
export function isOfHost(place: Place, machine: Machine): boolean {
  if (place.hostId !== undefined) return place.hostId === machine.hostId;
  return place.host === machine.host && place.bootId === machine.bootId;
}

/** Whether it was written on this host since it started: its pid is one of ours to look at. */
export function isHere(place: Place, machine: Machine): boolean {
  const sameRun =
    place.bootId === machine.bootId && (place.pidNs ?? machine.pidNs) === machine.pidNs;
  return sameRun && isOfHost(place, machine);
}

/** Whether a process was started with this state folder, as far as that can be told. */
export function startedFrom(pid: number, home: string): boolean {
  const environment = process.platform === 'linux' ? readProc(`${pid}/environ`) : null;
  return environment === null || `\0${environment}`.includes(`\0MEOW_HOME=${home}\0`);
}

/** Whether a process is in our control group: of one service of systemd all are. True where there are none. */
export function inOurGroup(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  return readProc(`${pid}/cgroup`) === readProc('self/cgroup');
}

/** The session a process is in, named for its leader; null where that cannot be told. */
export function sessionOf(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const stat = readProc(`${pid}/stat`);
  return stat === null ? null : Number(afterName(stat)[SESSION]);
}

function isServe([verb, flag, value]: readonly string[], id: string): boolean {
  return verb === 'serve' && flag === '--id' && value === id;
}

export function bootId(): string {
  if (process.platform === 'linux') return readProc('sys/kernel/random/boot_id')?.trim() ?? '';
  return captureOutput('sysctl', ['-n', 'kern.bootsessionuuid'])?.trim() ?? '';
}

function pidNamespace(): string {
  if (process.platform !== 'linux') return '';
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return '';
    throw error;
  }
}

// proc(5), counted from field 3, which follows the name: that may hold blanks and ')'.
const STATE = 0;
const SESSION = 3;
const START = 19;

function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function fromProc(pid: number): ProcessIdentity | null {
  const stat = readProc(`${pid}/stat`);
  const commandLine = readProc(`${pid}/cmdline`);
  if (stat === null || commandLine === null) return null;
  const fields = afterName(stat);
  const [state = '', start = ''] = [fields[STATE], fields[START]];
  if (state === 'Z' || state === 'X') return null;
  return { start, commandLine: commandLine.split('\0').slice(0, -1) };
}

function readProc(name: string): string | null {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return null;
    throw error;
  }
}

// `Z  Mon Nov 23 09:17:00 2026 node /path serve --id abc234`
function fromPs(pid: number): ProcessIdentity | null {
  const fields = ['stat=', 'lstart=', 'command='].flatMap((field) => ['-o', field]);
  const line = captureOutput('ps', ['-ww', ...fields, '-p', String(pid)])?.trim() ?? '';
  const match = /^(\S+)\s+(\w+\s+\w+\s+\w+\s+[\d:]+\s+\d{4})\s+(.*)$/.exec(line);
  if (!match || match[1]?.startsWith('Z')) return null;
  return { start: match[2] ?? '', commandLine: (match[3] ?? '').split(' ') };
}
