import { setTimeout as pause } from 'node:timers/promises';
import type { Reading } from './reader.ts';
import {
  byTime,
  type LogLine,
  lastLines,
  loggedIds,
  type Selection,
  ServerLog,
} from './server-log.ts';

export interface FollowOptions extends Selection {
  /** Null for every server of this host, those to come too. */
  readonly ids: readonly string[] | null;
  readonly namespace: string;
  /** The namespace of servers whose log has no mark. */
  readonly usualNamespace: string;
  readonly logFiles: number;
  readonly logPollMs: number;
  readonly onDenied: Reading['onDenied'];
  readonly signal: AbortSignal;
}

/** The last lines, then each batch of new ones as it comes, until it is told to stop. */
export async function* followLogs(
  home: string,
  options: FollowOptions,
): AsyncGenerator<readonly LogLine[]> {
  const { ids, namespace, usualNamespace, logFiles, logPollMs, onDenied, signal } = options;
  const logs = new Map<string, ServerLog>();
  const add = (id: string, from: Reading['from']) =>
    logs.set(id, new ServerLog(home, id, { from, logFiles, onDenied }));
  const idsNow = () => ids ?? loggedIds(home, namespace, usualNamespace);
  try {
    for (const id of idsNow()) add(id, 'end');
    yield lastLines([...logs.values()], options);
    while (!signal.aborted) {
      for (const id of idsNow()) if (!logs.has(id)) add(id, 'start');
      const lines = byTime([...logs.values()].flatMap((log) => log.next(options.stream)));
      if (lines.length > 0) yield lines;
      // Even where there is more to read: Ctrl-C must get its turn.
      await pause(lines.length > 0 ? 0 : logPollMs, null, { signal }).catch(stopped);
    }
  } finally {
    for (const log of logs.values()) log.close();
  }
}

function stopped(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
