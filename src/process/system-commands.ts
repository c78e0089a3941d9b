import { execFile, execFileSync } from 'node:child_process';
import { withoutSystem } from '../expected-errors.ts';
import type { Program } from './launcher.ts';

/** As long as systemd-notify itself waits. */
const NOTIFY_MS = 5_000;
const SYSTEM = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };

/** The stdout of a short program of the system, or null when it failed. */
export function captureOutput(
  command: string,
  args: readonly string[],
  env: Program['env'] = SYSTEM,
): string | null {
  try {
    return execFileSync(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    });
  } catch (error) {
    if (typeof (error as { status?: unknown }).status === 'number') return null;
    throw error;
  }
}

/**
 * Runs a short program to its end, without anybody waiting meanwhile.
 * @returns its exit code, null where it did not end in time or could not be started; and all it said
 */
export function runToEnd(
  { command, args, ...how }: Omit<Program, 'logFile' | 'rawLogFile'>,
  withinMs: number,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve) => {
    const options = { ...how, timeout: withinMs, encoding: 'utf8' } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      // Of one that did not end by itself it is a word, or null.
      const code = error ? error.code : 0;
      resolve({ code: typeof code === 'number' ? code : null, said: stdout + stderr });
    });
  });
}

/**
 * Tells systemd which process is the unit's main one, and that it is ready: sd_notify(3). Node has no
 * datagrams over Unix sockets; systemd-notify has, and ends once systemd has heard it.
 * @param env with `NOTIFY_SOCKET`
 * @returns why it could not be told; null where it was
 */
export function notifySystemd(pid: number, env: Program['env']): Promise<string | null> {
  return new Promise((resolve) => {
    const said = ['READY=1', `MAINPID=${pid}`];
    execFile('systemd-notify', said, { env, timeout: NOTIFY_MS }, (error) => {
      resolve(error ? error.message : null);
    });
  });
}

/** What this system opens files with, for whoever sits at it. */
export const OPENER = process.platform === 'darwin' ? 'open' : 'xdg-open';

/**
 * Opens a file with the program that its user chose for such files.
 * @returns whether that was possible
 */
export function openFile(path: string, env: Program['env']): boolean {
  try {
    return captureOutput(OPENER, [path], env) !== null;
  } catch (error) {
    return withoutSystem(false)(error);
  }
}
