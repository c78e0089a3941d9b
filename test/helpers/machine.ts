import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, finish, ownProcesses, type Result, type Site } from './cli.ts';
import { until } from './until.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * A machine of its own as far as pids, host name and boot go; it shares the disk, and the network too
 * unless it gets one of its own. Takes `needs.machines`.
 */
export interface Machine {
  /** Its first process, as it is numbered here. */
  readonly pid: number;
  run(home: string, ...args: string[]): Promise<Result>;
  start(home: string, ...args: string[]): ChildProcess;
  /** Ends every process on it at once. */
  turnOff(): Promise<void>;
}

interface MachineOptions {
  /** What the kernel says there; that of this machine, as in a container, if not given. */
  readonly bootId?: string;
  readonly namespace: string;
  /** Else that of this machine. */
  readonly ownNetwork?: boolean;
}

export async function openMachine(
  site: Pick<Site, 'home' | 'env'>,
  name: string,
  { bootId, namespace, ownNetwork = false }: MachineOptions,
): Promise<Machine> {
  const mark = `machine-${Math.random().toString(36).slice(2)}`;
  const said = join(site.home, mark);
  writeFileSync(said, bootId ?? readFileSync(BOOT_ID, 'utf8'));
  const script = `hostname ${name}; mount --bind ${said} ${BOOT_ID}; exec sh -c 'echo on; while :; do sleep 1000; done' ${mark}`;
  const spaces = ownNetwork ? '-upmfn' : '-upmf';
  const options = [spaces, '--mount-proc', '--kill-child', 'sh', '-c', script];
  const holder = spawn('unshare', options, { stdio: 'ignore' });
  const gone = once(holder, 'exit');
  const pid = await until(`${mark} is on`, () => findInit(mark));
  const start = (home: string, ...args: string[]) => {
    const env = { ...site.env, MEOW_HOME: home, MEOW_NAMESPACE: namespace };
    const inside = enter(pid, ownNetwork);
    return spawn('nsenter', [...inside, process.execPath, BIN, ...args], {
      env,
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };
  return {
    pid,
    start,
    run: (home, ...args) => finish(start(home, ...args)),
    async turnOff() {
      if (holder.exitCode === null && holder.signalCode === null) process.kill(pid, 'SIGKILL');
      await gone;
    },
  };
}

/** What `nsenter` is told to go into a machine. */
export function enter(pid: number, ownNetwork: boolean): string[] {
  return ['-t', String(pid), '-u', '-m', '-p', ...(ownNetwork ? ['-n'] : [])];
}

/** The servers that run from these state folders, on whatever machine. */
export function serversOf(homes: readonly string[]): string[] {
  return homes.flatMap((home) => ownProcesses(home).flatMap(serverId));
}

/** The pid that a server has here, which is another on its own machine. */
export function hostPidOf(id: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => serverId(pid).includes(id)) ?? 0;
}

function serverId(pid: number): string[] {
  const words = commandLine(pid);
  const at = words.indexOf('serve');
  return at !== -1 && words[at + 1] === '--id' ? [words[at + 2] ?? ''] : [];
}

function findInit(mark: string): number | null {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => commandLine(Number(pid)).at(-1) === mark);
  return found === undefined ? null : Number(found);
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return []; // it ended while we looked
  }
}
