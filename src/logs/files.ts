import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plain } from '../text.ts';

const MAX_TAIL_BYTES = 64 * 1_024;
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)(!?) /;

/**
 * What a server said, line by line, with the time in front, and `!` after the time for stderr; older
 * lines are in `.1`, `.2` and so on.
 */
export function logPath(home: string, id: string): string {
  return join(home, 'logs', `${id}.log`);
}

/** What went straight to its descriptors: a crash of Node or of native code. */
export function rawLogPath(home: string, id: string): string {
  return join(home, 'logs', `${id}.err`);
}

/**
 * Marks which namespace a server is of: by the name of an empty file.
 * @param usual the namespace of those that get no mark
 */
export function markNamespace(home: string, id: string, namespace: string, usual: string): void {
  if (namespace === usual) return;
  writeFileSync(join(home, 'logs', `${id}.of.${namespace}`), '', { mode: 0o600 });
}

export type LogStream = 'stdout' | 'stderr';

/** A stored line, taken apart; `at` is null where it has no time in front. */
export function parseLogLine(stored: string): {
  at: string | null;
  stream: LogStream;
  line: string;
} {
  const [stamp, at, mark] = STAMP.exec(stored) ?? [];
  // What went past the log: most of it is a crash.
  if (stamp === undefined || at === undefined || Number.isNaN(Date.parse(at))) {
    return { at: null, stream: 'stderr', line: stored };
  }
  return { at, stream: mark === '!' ? 'stderr' : 'stdout', line: stored.slice(stamp.length) };
}

/** The last lines of several logs, those of the last one at the end; a file named twice counts once. */
export function tails(paths: readonly string[], lines: number): string[] {
  if (lines === 0) return [];
  return [...new Set(paths)].flatMap((path) => tail(path, lines)).slice(-lines);
}

/** The last `lines` lines without their times, control characters escaped; none where there is no such log. */
export function tail(path: string, lines: number): string[] {
  const text = readEnd(path);
  const all = text.split('\n').map((line) => plain(parseLogLine(line.replace(/\r$/, '')).line));
  if (all.at(-1) === '') all.pop();
  return lines > 0 ? all.slice(-lines) : [];
}

function readEnd(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, MAX_TAIL_BYTES));
    const length = readSync(file, end, 0, end.length, size - end.length);
    return end.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
