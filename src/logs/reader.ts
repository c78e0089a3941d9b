import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

const BLOCK_BYTES = 64 * 1_024;
const MAX_BYTES_AT_ONCE = 1_024 * 1_024;

interface OpenFile {
  readonly file: number;
  readonly inode: number;
}

/** How a log is read. */
export interface Reading {
  /** Whether reading begins with all that is there, or with what is written from now on. */
  readonly from: 'start' | 'end';
  /** How many files a log has at most. */
  readonly logFiles: number;
  /** Called for each file that this user may not read. */
  onDenied(path: string): void;
}

/**
 * Reads one log over all its files, while its server goes on writing and rotating: backwards from
 * where it stands, and forwards from there. Holds its file open, so that no other file can be taken
 * for it. Bytes are latin1 text until a line is whole.
 */
export class LogReader {
  readonly #path: string;
  readonly #files: number;
  readonly #onDenied: (path: string) => void;
  #open: OpenFile | null;
  #offset: number;
  #unfinished = '';
  #passed: ReadonlySet<number | null>;

  constructor(path: string, { from, logFiles, onDenied }: Reading) {
    this.#path = path;
    this.#files = logFiles;
    this.#onDenied = onDenied;
    const atEnd = from === 'end';
    this.#open = atEnd ? this.#openIfThere(path) : null;
    this.#offset = this.#open ? fstatSync(this.#open.file).size : 0;
    this.#passed = new Set(atEnd ? this.#paths().slice(1).map(inodeOf) : []);
  }

  /** When it was last written to, Unix ms; 0 where there is none. */
  writtenAt(): number {
    return this.#open ? Math.floor(fstatSync(this.#open.file).mtimeMs) : 0;
  }

  /** What was there when it was opened, the newest line first. */
  *backwards(): Generator<string> {
    const seen = new Set<number>();
    if (this.#open) {
      seen.add(this.#open.inode);
      yield* linesBackwards(this.#open.file, this.#offset);
    }
    for (const path of this.#paths().slice(1)) {
      const older = this.#openIfThere(path);
      if (!older) continue;
      try {
        // One that was rotated while we looked comes by twice.
        if (!seen.has(older.inode)) {
          yield* linesBackwards(older.file, fstatSync(older.file).size);
        }
        seen.add(older.inode);
      } finally {
        closeSync(older.file);
      }
    }
  }

  /** Whole lines that have come since, about a MiB of them at most; none when there are no more. */
  forwards(): string[] {
    const lines = (this.#unfinished + this.#readOn()).split('\n');
    this.#unfinished = lines.pop() ?? '';
    return lines.map(toUtf8);
  }

  close(): void {
    if (this.#open) closeSync(this.#open.file);
    this.#open = null;
  }

  #readOn(): string {
    const text = this.#readOpenFile();
    if (text !== '') return text;
    const newest = inodeOf(this.#path);
    if (newest === null) return '';
    if (newest === this.#open?.inode) {
      this.#startAnewIfEmptied();
      return this.#readOpenFile();
    }
    // What came between our last look and the rotation; then on to the next file.
    return this.#readOpenFile() || (this.#moveOn() ? this.#readOpenFile() : '');
  }

  #readOpenFile(): string {
    if (!this.#open) return '';
    const text = readText(this.#open.file, this.#offset, MAX_BYTES_AT_ONCE);
    this.#offset += text.length;
    return text;
  }

  #startAnewIfEmptied(): void {
    if (this.#open && fstatSync(this.#open.file).size < this.#offset) this.#offset = 0;
  }

  /** To the next newer file; where ours is gone, or we had none, to the oldest that is new to us. */
  #moveOn(): boolean {
    const inodes = this.#paths().map(inodeOf);
    const next = this.#nextOf(inodes);
    const opened = this.#openIfThere(this.#paths()[next] ?? this.#path);
    // A rotation while we looked: the next round finds the right one.
    if (opened?.inode !== inodes[next]) {
      if (opened) closeSync(opened.file);
      return false;
    }
    this.close();
    this.#open = opened ?? null;
    this.#offset = 0;
    this.#passed = new Set(inodes.slice(next + 1));
    return true;
  }

  #nextOf(inodes: readonly (number | null)[]): number {
    const current = this.#open ? inodes.indexOf(this.#open.inode) : -1;
    if (current > 0) return current - 1;
    const isNew = (inode: number | null) => inode !== null && !this.#passed.has(inode);
    return Math.max(0, inodes.findLastIndex(isNew));
  }

  /** Null where there is none, or one that we may not read. */
  #openIfThere(path: string): OpenFile | null {
    try {
      const file = openSync(path, 'r');
      return { file, inode: fstatSync(file).ino };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM') this.#onDenied(path);
      else if (code !== 'ENOENT') throw error;
      return null;
    }
  }

  /** The newest first. */
  #paths(): string[] {
    const older = Array.from({ length: this.#files - 1 }, (_, at) => `${this.#path}.${at + 1}`);
    return [this.#path, ...older];
  }
}

function* linesBackwards(file: number, end: number): Generator<string> {
  let later = '';
  for (let at = end; at > 0; ) {
    const length = Math.min(BLOCK_BYTES, at);
    const lines = (readText(file, at - length, length) + later).split('\n');
    if (at === end && lines.length > 1 && lines.at(-1) === '') lines.pop();
    later = lines.shift() ?? '';
    for (const line of lines.reverse()) yield toUtf8(line);
    at -= length;
  }
  if (later !== '') yield toUtf8(later);
}

function readText(file: number, at: number, most: number): string {
  const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(most, fstatSync(file).size - at)));
  return bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, at));
}

function toUtf8(line: string): string {
  return Buffer.from(line, 'latin1').toString('utf8');
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
