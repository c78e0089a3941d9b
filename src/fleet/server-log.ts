import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailedError } from '../errors.ts';
import { quote, systemReason } from '../text.ts';
import { LogReader } from './log-reader.ts';
import { logPath, parseLogLine, rawLogPath } from './logs.ts';
import { isServerId } from './server-id.ts';

export interface LogLine {
  readonly id: string;
  /** When it was written, ISO 8601, UTC. */
  readonly at: string;
  readonly line: string;
}

export interface Wanted {
  /** The newest so many lines, of all servers together. */
  readonly count: number;
  /** ISO 8601, UTC; null for whatever there is. */
  readonly since: string | null;
}

/** The ids of the servers that have a log in this state folder. */
export function loggedIds(home: string): string[] {
  const ids = new Set(logFiles(home).map(idOfFile));
  return [...ids].filter((id) => id !== null).sort();
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
  const id = /^([^.]+)\.(?:log(?:\.\d)?|err)$/.exec(name)?.[1] ?? '';
  return isServerId(id) ? id : null;
}

/** All that one server has said: its log, and what went past it. */
export class ServerLog {
  readonly #id: string;
  readonly #log: LogReader;
  readonly #raw: LogReader;

  constructor(home: string, id: string, from: 'start' | 'end') {
    this.#id = id;
    this.#log = new LogReader(logPath(home, id), from);
    this.#raw = new LogReader(rawLogPath(home, id), from);
  }

  /** Unix ms. */
  writtenAt(): number {
    return Math.max(this.#log.writtenAt(), this.#raw.writtenAt());
  }

  /** The newest lines there were when it was opened, by time. */
  last({ count, since }: Wanted): LogLine[] {
    return [this.#log, this.#raw].flatMap((reader) => {
      const found: LogLine[] = [];
      for (const stored of reader.backwards()) {
        const line = this.#toLine(stored, reader);
        if (found.length >= count || (since !== null && line.at < since)) break;
        found.push(line);
      }
      return found.reverse();
    });
  }

  /** What has come since; none when there is no more for now. */
  next(): LogLine[] {
    return [this.#log, this.#raw].flatMap((reader) =>
      reader.forwards().map((stored) => this.#toLine(stored, reader)),
    );
  }

  close(): void {
    this.#log.close();
    this.#raw.close();
  }

  // What has no time in front is as old as its file.
  #toLine(stored: string, reader: LogReader): LogLine {
    const { at, line } = parseLogLine(stored);
    return { id: this.#id, at: at ?? new Date(reader.writtenAt()).toISOString(), line };
  }
}

/** The newest lines of several servers, by time. */
export function lastLines(logs: readonly ServerLog[], wanted: Wanted): LogLine[] {
  let kept: LogLine[] = [];
  if (wanted.count === 0) return kept;
  // The liveliest first: what is older than all that is kept already need not be read.
  for (const log of [...logs].sort((a, b) => b.writtenAt() - a.writtenAt())) {
    const since = kept.length < wanted.count ? wanted.since : (kept[0]?.at ?? wanted.since);
    kept = byTime([...kept, ...log.last({ ...wanted, since })]).slice(-wanted.count);
  }
  return kept;
}

/** Lines that were written at the same time keep their order. */
export function byTime(lines: LogLine[]): LogLine[] {
  return lines.sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}
