import { execFileSync } from 'node:child_process';
import type { Program } from './launcher.ts';

const SYSTEM = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' };

/** The stdout of a short program of the system, or null when it failed. */
export function capture(
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
