import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';

const STANDARD = [0, 1, 2];

/**
 * At its end Node sets the terminal that it began on as it was, and aborts where that is gone by then:
 * what is closed, it leaves alone.
 */
export function outliveTerminal(proc: NodeJS.Process): void {
  const terminals = STANDARD.filter((fd) => isatty(fd));
  if (terminals.length === 0) return;
  proc.on('exit', () => closeLost(terminals));
}

/** @returns whether the terminal that this process began on is gone: then a SIGHUP says so */
export function watchTerminal(): () => boolean {
  const terminals = STANDARD.filter((fd) => isatty(fd));
  return () => terminals.some((fd) => !isatty(fd));
}

function closeLost(terminals: readonly number[]): void {
  for (const fd of terminals) {
    if (!isatty(fd)) closeSync(fd);
  }
}
