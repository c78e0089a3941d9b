import { getSystemErrorMap } from 'node:util';
import { plain, quote, reason } from './plain-text.ts';

export { plain, quote, reason };

/** What the system said, in its words alone: its code, call and path belong to the caller's. */
export function systemReason(error: unknown): string {
  const { syscall, errno = 0 } = error as NodeJS.ErrnoException;
  const said = reason(error);
  if (syscall === undefined) return said;
  // Of a program that cannot be started Node gives the code alone.
  if (syscall.startsWith('spawn')) return getSystemErrorMap().get(errno)?.[1] ?? said;
  return said.replace(/^E[A-Z0-9]+: /, '').replace(new RegExp(`, ${syscall}\\b.*$`, 's'), '');
}

const remedies: ReadonlyMap<string, string> = new Map([
  ['EMFILE', 'Allow this process more open files: `ulimit -n 4096`'],
  ['ENFILE', 'This system has no room for more open files: end what holds them'],
  ['EAGAIN', 'Allow this user more processes: `ulimit -u`'],
  ['ENOMEM', 'End something else, or give this machine more memory'],
  ['ENOSPC', 'Make room on that disk'],
  ['EDQUOT', 'Make room: the quota of this user is used up'],
  ['EROFS', 'Make that file system writable'],
  ['EACCES', 'Check who owns it'],
  ['EPERM', 'Check who owns it'],
]);

/** What to do about what the system refused, whatever it was asked for; null where that depends. */
export function systemRemedy(error: unknown): string | null {
  return remedies.get((error as NodeJS.ErrnoException | null)?.code ?? '') ?? null;
}

/** What nobody expected: of the system, or a bug. */
export function errorInWords(error: unknown): string {
  if (!(error instanceof Error)) return reason(error);
  const { path } = error as NodeJS.ErrnoException;
  return path === undefined ? systemReason(error) : `${quote(path)}: ${systemReason(error)}`;
}
