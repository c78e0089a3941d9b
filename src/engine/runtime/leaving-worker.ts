import { BACKEND } from '../config/refusals.ts';
import type { RuntimeSocket } from './runtime-socket.ts';
import { count, parseStat } from './stat-rows.ts';

/** A worker of HAProxy that has been replaced, and finishes what it has. */
export interface LeavingWorker {
  isIdle(): Promise<boolean>;
  /** Lets it go: a connection to it keeps it alive. */
  close(): void;
}

export function leavingWorker(runtime: RuntimeSocket): LeavingWorker {
  return { isIdle: () => isIdle(runtime), close: () => runtime.close() };
}

/** Nothing goes on any more between a worker and servers; what its clients keep open is idle. */
export async function isIdle(runtime: RuntimeSocket): Promise<boolean> {
  const text = await runtime.ask('show stat').catch(() => null);
  if (text === null) return true;
  const all = parseStat(text).find((row) => row.pxname === BACKEND && row.svname === 'BACKEND');
  return count(all, 'scur') + count(all, 'qcur') === 0;
}
