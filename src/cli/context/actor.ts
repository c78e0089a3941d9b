import { hostname, userInfo } from 'node:os';
import type { Actor } from '../../model/event.ts';

/** Who a run of meowctl is to those who read its events: its verb and its user; a server is itself. */
export function actorOf(proc: NodeJS.Process): () => Actor {
  let known: Actor | null = null;
  return () => {
    known ??= { by: nameOf(proc), host: hostname(), user: isServer(proc) ? null : userOf(proc) };
    return known;
  };
}

function nameOf(proc: NodeJS.Process): string {
  return isServer(proc) ? 'itself' : verbOf(proc);
}

function isServer(proc: NodeJS.Process): boolean {
  return verbOf(proc) === 'serve';
}

function verbOf({ argv }: NodeJS.Process): string {
  return argv.slice(2).find((word) => !word.startsWith('-')) ?? 'meowctl';
}

// A container's user may have no entry in passwd.
function userOf(proc: NodeJS.Process): string {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
    return `uid ${proc.getuid?.() ?? '?'}`;
  }
}
