import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { FailedError } from '../errors.ts';
import { plain } from '../text.ts';
import { allPids } from './process-tree.ts';

const LISTEN = '0A';
const LOCAL_ADDRESS = 1;
const STATE = 3;
const INODE = 9;

/**
 * Who listens on a TCP port of this host, such as `nginx (pid 812)`; null where it cannot be told
 * (not Linux, or another user's process). Fields as in proc(5), /proc/net/tcp.
 */
function portHolder(port: number): string | null {
  const [pid] = portPids(port);
  if (pid === undefined) return null;
  const name = read(`/proc/${pid}/comm`).trim();
  return `${name} (pid ${pid})`;
}

/** The processes that listen on a TCP port of this host, as far as that can be told. */
export function portPids(port: number): number[] {
  const inodes = new Set(inodesAt(port, allListening()));
  return inodes.size === 0
    ? []
    : allPids().filter((pid) => heldBy(pid).some((fd) => inodes.has(fd)));
}

/** Null of a pid: it cannot be told whose the port is. */
export interface PortHolder {
  readonly pid: number | null;
  readonly name: string;
}

/**
 * Who listens on which TCP port of this host at this moment: null where nobody does. What the kernel
 * tells of them, and who holds which of them, is read once for all ports.
 */
export function portHolders(): (port: number) => PortHolder | null {
  const all = allListening();
  let holders: ReadonlyMap<string, number> | null = null;
  return (port) => {
    const inodes = inodesAt(port, all);
    if (inodes.length === 0) return null;
    holders ??= holdersOf(new Set(all.map(inodeOf)));
    const pid =
      inodes.map((inode) => holders?.get(inode)).find((held) => held !== undefined) ?? null;
    return { pid, name: pid === null ? '' : plain(read(`/proc/${pid}/comm`).trim()) };
  };
}

function holdersOf(inodes: ReadonlySet<string>): ReadonlyMap<string, number> {
  const holders = new Map<string, number>();
  for (const pid of allPids()) {
    for (const fd of heldBy(pid)) {
      if (inodes.has(fd) && !holders.has(fd)) holders.set(fd, pid);
    }
  }
  return holders;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}

/** Where these processes listen for TCP; null where that cannot be told. */
export function listenersOf(pids: readonly number[]): Listener[] | null {
  const links = pids.map(heldBy);
  if (links.every((of) => of.length === 0)) return null;
  const inodes = new Set(links.flat());
  return allListening()
    .filter((fields) => inodes.has(inodeOf(fields)))
    .map((fields) => toListener(fields[LOCAL_ADDRESS] ?? ''));
}

/** Where a descriptor of this process listens for TCP; null where it does not, or that cannot be told. */
export function listenerAt(fd: number): Listener | null {
  const inode = link(`/proc/self/fd/${fd}`);
  const found = allListening().find((fields) => inodeOf(fields) === inode);
  return found ? toListener(found[LOCAL_ADDRESS] ?? '') : null;
}

/** `0100007F:1F90`: words of four bytes, each in the order of this machine. */
function toListener(local: string): Listener {
  const [words = '', port = ''] = local.split(':');
  const bytes = [...Buffer.from(words, 'hex')];
  const inOrder = bytes.map((_, at) => bytes[at - (at % 4) + (3 - (at % 4))] ?? 0);
  return { host: address(inOrder), port: Number.parseInt(port, 16) };
}

function address(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function allListening(): string[][] {
  return ['tcp', 'tcp6'].flatMap((table) =>
    read(`/proc/net/${table}`)
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[STATE] === LISTEN),
  );
}

function inodesAt(port: number, listening: readonly string[][]): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return listening.filter((fields) => fields[LOCAL_ADDRESS]?.endsWith(suffix)).map(inodeOf);
}

function inodeOf(fields: readonly string[]): string {
  return `socket:[${fields[INODE]}]`;
}

/** What the descriptors of a process lead to. */
function heldBy(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return list(folder).map((fd) => link(`${folder}/${fd}`));
}

// Processes come and go while we look, and some are not ours to see: all of that reads as nothing.
const nothing = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENOTDIR']);

function orNothing<T>(look: () => T, none: T): T {
  try {
    return look();
  } catch (error) {
    if (nothing.has((error as NodeJS.ErrnoException).code ?? '')) return none;
    throw error;
  }
}

const list = (folder: string) => orNothing(() => readdirSync(folder), []);
const read = (file: string) => orNothing(() => readFileSync(file, 'utf8'), '');
const link = (file: string) => orNothing(() => readlinkSync(file), '');

/**
 * Adds who holds the port to an error that says one is taken, where that can be told.
 * @param remedy which flag chooses another; an error that has been through here keeps its own
 */
export async function nameHolder(error: unknown, port: number, remedy: string): Promise<unknown> {
  if (!(error instanceof FailedError) || error.code !== 'port-in-use') return error;
  if (error.cause instanceof FailedError) return error;
  const holder = portHolder(port);
  const message = `port ${port} is in use${holder === null ? '' : ` by ${holder}`}`;
  return new FailedError('port-in-use', message, remedy, { cause: error });
}
