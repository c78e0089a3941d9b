import type { ChildProcess } from 'node:child_process';
import { until } from '../time/until.ts';

const POLL_MS = 20;
/** How long a killed process may take to be gone. */
export const AFTER_KILL_MS = 2_000;
/** Time for the parent to reap the zombie: until then its pid is taken. */
const REAPED_MS = 500;

/** A process to end: its pid counts only while `isIt` says so, asked right before each signal. */
export interface Target {
  readonly pid: number;
  readonly isIt: () => boolean;
}

/** `gone`: it was not there, so nothing was signalled. `alive`: not even SIGKILL ended it. */
export type Ending = 'gone' | 'terminated' | 'killed' | 'alive';

/** Ends a child of ours with its process group. */
export function stopChild(child: ChildProcess, graceMs: number): Promise<Ending> {
  const { pid } = child;
  if (pid === undefined) return Promise.resolve('gone');
  return terminate({ pid, isIt: () => !hasEnded(child) }, graceMs);
}

/** Signals a child of ours alone. */
export function signalChild(child: ChildProcess, signal: NodeJS.Signals): void {
  if (!hasEnded(child)) child.kill(signal);
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Asks with SIGTERM, waits `graceMs`, then SIGKILL, each to its group; then asks whether it is gone. */
export async function terminate(target: Target, graceMs: number): Promise<Ending> {
  const { pid, isIt } = target;
  if (!isIt()) return 'gone';
  sendSignal(pid, 'SIGTERM');
  if (await isGone(isIt, graceMs)) return await endGroup(pid);
  sendSignal(pid, 'SIGKILL');
  return (await isGone(isIt, AFTER_KILL_MS)) ? 'killed' : 'alive';
}

/**
 * Signals a process group, or the process alone where it leads none.
 * @returns whether it is there: ESRCH means gone, EPERM means alive
 */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  return kill(-pid, signal) || kill(pid, signal);
}

export async function isGone(isIt: () => boolean, withinMs: number): Promise<boolean> {
  return (await until(() => !isIt(), { everyMs: POLL_MS, withinMs })) !== null;
}

/**
 * Kills what is left of the group of a process that has ended. While a pid is free and its group has
 * members, neither number is given to anybody else.
 */
export async function endGroup(pid: number): Promise<Ending> {
  if (await isGone(() => kill(pid, 0), REAPED_MS)) kill(-pid, 'SIGKILL');
  return 'terminated';
}

/** Our own process group, to kill(2). */
const OUR_GROUP = 0;

/**
 * Stops this process until somebody lets it go on, as Ctrl-Z does. Where no shell could (it is the
 * first one of its session), the kernel does not stop it, and it goes on at once.
 * @param isWhole also stops the rest of our process group, which waits for us: npx, a script
 */
export function stopOurselves(isWhole: boolean): void {
  process.kill(isWhole ? OUR_GROUP : process.pid, 'SIGTSTP');
}

/** Ends this process by that signal, as if nobody had listened to it: with a core dump, say. */
export function endOurselves(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
}

// Process 1 leads no group that has a number to signal: -1 is everybody, and 0 is our own group.
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (pid === -1 || pid === 0) return false;
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true;
    throw error;
  }
}
