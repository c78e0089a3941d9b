import { statSync, truncateSync, utimesSync } from 'node:fs';

/*
 * What a server does for its files at its beat. A log that is gone, or a disk that is full, must not
 * end it: every failure of the file system is forgiven.
 */

/** Empties the file once it is too big; whoever appends to it starts anew. */
export function capRawLog(path: string, maxBytes: number): void {
  forgiven(() => {
    const { size } = statSync(path);
    if (size > maxBytes) truncateSync(path);
  });
}

/** Marks the log of a server that says nothing as in use, so that no sweep takes it. */
export function touchLog(path: string, now: Date, everyMs: number): void {
  forgiven(() => {
    if (now.getTime() - statSync(path).mtimeMs > everyMs) utimesSync(path, now, now);
  });
}

function forgiven(act: () => void): void {
  try {
    act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}
