import { setTimeout as pause } from 'node:timers/promises';
import { defaults } from '../defaults.ts';
import {
  byTime,
  type LogLine,
  lastLines,
  loggedIds,
  type OnDenied,
  ServerLog,
  type Wanted,
} from './server-log.ts';

export interface FollowOptions extends Wanted {
  /** Null for every server of this host, those to come too. */
  readonly ids: readonly string[] | null;
  readonly namespace: string;
  readonly onDenied: OnDenied;
  readonly signal: AbortSignal;
}

/** The last lines, then each batch of new ones as it comes, until it is told to stop. */
export async function* followLogs(
  home: string,
  { ids, namespace, onDenied, signal, ...wanted }: FollowOptions,
): AsyncGenerator<readonly LogLine[]> {
  const logs = new Map<string, ServerLog>();
  const add = (id: string, from: 'start' | 'end') =>
    logs.set(id, new ServerLog(home, id, from, onDenied));
  const now = () => ids ?? loggedIds(home, namespace);
  try {
    for (const id of now()) add(id, 'end');
    yield lastLines([...logs.values()], wanted);
    while (!signal.aborted) {
      for (const id of now()) if (!logs.has(id)) add(id, 'start');
      const lines = byTime([...logs.values()].flatMap((log) => log.next(wanted.stream)));
      if (lines.length > 0) yield lines;
      // Even where there is more to read: Ctrl-C must get its turn.
      await pause(lines.length > 0 ? 0 : defaults.logPollMs, null, { signal }).catch(stopped);
    }
  } finally {
    for (const log of logs.values()) log.close();
  }
}

function stopped(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
