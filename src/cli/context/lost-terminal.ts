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

function closeLost(terminals: readonly number[]): void {
  for (const fd of terminals) {
    if (!isatty(fd)) closeSync(fd);
  }
}
