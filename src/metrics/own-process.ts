import { readdirSync } from 'node:fs';
import { withoutSystem } from '../expected-errors.ts';

/** Memory of this process, bytes; null where no file can be opened to read it. */
export function residentBytes(): number | null {
  return readable(() => process.memoryUsage.rss());
}

/** Files and sockets that this process has open; null where no other can be opened to see, and off Linux. */
export function openFiles(): number | null {
  if (process.platform !== 'linux') return null;
  return readable(() => readdirSync('/proc/self/fd').length);
}

function readable(read: () => number): number | null {
  try {
    return read();
  } catch (error) {
    return withoutSystem(null)(error);
  }
}
