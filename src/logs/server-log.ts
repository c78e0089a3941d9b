import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { isServerId } from '../ids.ts';
import { quote, systemReason } from '../text.ts';
import { type LogStream, logPath, parseLogLine, rawLogPath } from './files.ts';
import { LogReader, type Reading } from './reader.ts';

export interface LogLine {
  readonly id: string;
  /** When it was written, ISO 8601, UTC. */
  readonly at: string;
  readonly stream: LogStream;
  readonly line: string;
}

export interface Selection {
  /** The newest so many lines, of all servers together. */
  readonly count: number;
  /** ISO 8601, UTC; null for whatever there is. */
  readonly since: string | null;
  /** Null for both. */
  readonly stream: LogStream | null;
}

/**
 * The ids of the servers of a namespace that have a log in this state folder.
 * @param usual the namespace of those that have no mark
 */
export function loggedIds(home: string, namespace: string, usual: string): string[] {
  const names = logFiles(home);
  const marks = new Map(names.flatMap((name) => namespaceMark(name) ?? []));
  const ids = new Set(names.filter((name) => namespaceMark(name) === null).map(idOfFile));
  const isOf = (id: string) => (marks.get(id) ?? usual) === namespace;
  return [...ids].filter((id) => id !== null && isOf(id)).sort() as string[];
}

/** As `markNamespace` makes it: the id, and what it is of. */
function namespaceMark(name: string): [[string, string]] | null {
  const [, id = '', namespace = ''] = /^([^.]+)\.of\.(.+)$/.exec(name) ?? [];
  return isServerId(id) ? [[id, namespace]] : null;
}

/**
 * The names of all files in the log folder; none where there is no folder.
 * @throws FailedError naming the folder when it cannot be read
 */
export function logFiles(home: string): string[] {
  const folder = join(home, 'logs');
  try {
    return readdirSync(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    const message = `cannot read ${quote(folder)}: ${systemReason(cause)}`;
    throw new FailedError('logs', message, 'Check that folder, or MEOW_HOME', { cause });
  }
}

/** Whose file it is, by its name; null for what is not a server's. */
export function idOfFile(name: string): string | null {
  const id = /^([^.]+)\.(?:log(?:\.\d)?|err|of\..+)$/.exec(name)?.[1] ?? '';
  return isServerId(id) ? id : null;
}

/** All that one server has said: its log, and what went past it. */
export class ServerLog {
  readonly #id: string;
  readonly #log: LogReader;
  readonly #raw: LogReader;

  constructor(home: string, id: string, reading: Reading) {
    this.#id = id;
    this.#log = new LogReader(logPath(home, id), reading);
    this.#raw = new LogReader(rawLogPath(home, id), reading);
  }

  /** Unix ms. */
  writtenAt(): number {
    return Math.max(this.#log.writtenAt(), this.#raw.writtenAt());
  }

  /** The newest lines there were when it was opened, by time. */
  last({ count, since, stream }: Selection): LogLine[] {
    return [this.#log, this.#raw].flatMap((reader) => {
      const found: LogLine[] = [];
      for (const stored of reader.backwards()) {
        const line = this.#toLine(stored, reader);
        if (found.length >= count || (since !== null && line.at < since)) break;
        if (stream === null || line.stream === stream) found.push(line);
      }
      return found.reverse();
    });
  }

  /** What has come since; none when there is no more for now. */
  next(selection: LogStream | null): LogLine[] {
    const lines = [this.#log, this.#raw].flatMap((reader) =>
      reader.forwards().map((stored) => this.#toLine(stored, reader)),
    );
    return lines.filter(({ stream }) => selection === null || stream === selection);
  }

  close(): void {
    this.#log.close();
    this.#raw.close();
  }

  // What has no time in front is as old as its file.
  #toLine(stored: string, reader: LogReader): LogLine {
    const { at, stream, line } = parseLogLine(stored);
    return { id: this.#id, at: at ?? new Date(reader.writtenAt()).toISOString(), stream, line };
  }
}

/** The newest lines of several servers, by time. */
export function lastLines(logs: readonly ServerLog[], selection: Selection): LogLine[] {
  let kept: LogLine[] = [];
  if (selection.count === 0) return kept;
  // The liveliest first: what is older than all that is kept already need not be read.
  for (const log of [...logs].sort((a, b) => b.writtenAt() - a.writtenAt())) {
    const since =
      kept.length < selection.count ? selection.since : (kept[0]?.at ?? selection.since);
    kept = byTime([...kept, ...log.last({ ...selection, since })]).slice(-selection.count);
  }
  return kept;
}

/** Lines that were written at the same time keep their order. */
export function byTime(lines: LogLine[]): LogLine[] {
  return lines.sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}
