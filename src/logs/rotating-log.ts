import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';

export interface LogLimits {
  /** The most that one file may have. */
  readonly logMaxBytes: number;
  /** All in all: `x.log`, then `x.log.1` the newest of the old. */
  readonly logFiles: number;
  /** A longer line is stored as several. */
  readonly logMaxLineBytes: number;
  /** Another process may write and rotate it too, such as the `up` that takes over: one look more at each write. */
  readonly logIsShared?: boolean;
}

/** Whose unfinished line it is: those of two streams must not be joined. */
export type LogSource = 'out' | 'err';

/**
 * A log of whole lines, each with its time in front and a mark where it came by stderr, that never
 * outgrows its files. Writes at once and never throws because of the disk: what could not be stored
 * is counted, and the log says so when there is room again. One file has one writer, unless it is shared.
 */
export class RotatingLog {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #files: number;
  readonly #maxLine: number;
  readonly #isShared: boolean;
  readonly #now: () => Date;
  // Bytes as latin1 text throughout: lossless, and splits and joins four times as fast as buffers.
  readonly #unfinished = { out: '', err: '' };
  #file: number | null = null;
  #closed = false;
  #lost = 0;
  #why = '';

  constructor(path: string, limits: LogLimits, now: () => Date = () => new Date()) {
    this.#path = path;
    this.#maxBytes = limits.logMaxBytes;
    this.#files = limits.logFiles;
    this.#isShared = limits.logIsShared ?? false;
    this.#now = now;
    const stampBytes = '2026-01-01T00:00:00.000Z! \n'.length;
    this.#maxLine = Math.max(1, Math.min(limits.logMaxLineBytes, this.#maxBytes - stampBytes));
  }

  /** Stores the lines that this chunk finishes, and keeps the rest until it is finished too. */
  write(chunk: string | Uint8Array, from: LogSource = 'out'): void {
    const lines = (this.#unfinished[from] + toLatin1(chunk)).split('\n');
    const rest = lines.pop() ?? '';
    const whole = rest.length > this.#maxLine || (this.#closed && rest !== '');
    this.#unfinished[from] = whole ? '' : rest;
    this.#append(whole ? [...lines, rest] : lines, from);
  }

  /** Stores what is unfinished too. What is written later is stored at once, line or not. */
  close(): void {
    this.#closed = true;
    for (const from of ['out', 'err'] as const) this.write('', from);
    this.#closeFile();
  }

  #append(lines: readonly string[], from: LogSource): void {
    if (lines.length === 0) return;
    const stamp = `${this.#now().toISOString()}${from === 'err' ? '! ' : ' '}`;
    const short = lines.flatMap((line) => cut(line, this.#maxLine));
    // Together with the line it precedes: alone it might still fit on a disk that is full.
    const all =
      this.#lost > 0 ? [`meowctl: lines lost: ${this.#lost} (${this.#why})`, ...short] : short;
    try {
      this.#store(`${stamp}${all.join(`\n${stamp}`)}\n`);
      this.#lost = 0;
    } catch (error) {
      this.#lose(lines.length, error);
    }
  }

  /** Whole lines only, as many into each file as there is room for. */
  #store(text: string): void {
    let rest = text;
    while (rest !== '') {
      const { file, size } = this.#open();
      const room = this.#maxBytes - size;
      const fits = rest.length <= room ? rest.length : rest.lastIndexOf('\n', room - 1) + 1;
      if (fits === 0) this.#rotate();
      else writeWhole(file, Buffer.from(rest.slice(0, fits), 'latin1'), size);
      rest = rest.slice(fits);
    }
  }

  // Asked each time (2 µs): somebody may have removed the file, or emptied it.
  #open(): { file: number; size: number } {
    if (this.#file !== null) {
      const { nlink, size, ino } = fstatSync(this.#file);
      if (nlink > 0 && !this.#isRotated(ino)) return { file: this.#file, size };
      this.#closeFile();
    }
    this.#file = openSync(this.#path, 'a', 0o600);
    return { file: this.#file, size: fstatSync(this.#file).size };
  }

  #isRotated(ino: number): boolean {
    return this.#isShared && statSync(this.#path, { throwIfNoEntry: false })?.ino !== ino;
  }

  #rotate(): void {
    this.#closeFile();
    for (let at = this.#files - 1; at > 0; at--) {
      const newer = at === 1 ? this.#path : `${this.#path}.${at - 1}`;
      moveIfThere(newer, `${this.#path}.${at}`);
    }
    if (this.#files === 1) ftruncateSync(this.#open().file);
  }

  #lose(lines: number, error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    this.#lost += lines;
    this.#why = code;
    this.#closeFile();
  }

  #closeFile(): void {
    const file = this.#file;
    this.#file = null;
    if (file !== null) closeAnyway(file);
  }
}

function toLatin1(chunk: string | Uint8Array): string {
  const bytes =
    typeof chunk === 'string'
      ? Buffer.from(chunk)
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return bytes.toString('latin1');
}

function cut(line: string, most: number): string | string[] {
  if (line.length <= most) return line;
  const pieces = Math.ceil(line.length / most);
  return Array.from({ length: pieces }, (_, at) => line.slice(at * most, (at + 1) * most));
}

// A disk can be full in the middle of a line: then nothing of it stays.
function writeWhole(file: number, bytes: Buffer, size: number): void {
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(file, bytes, done);
  } catch (error) {
    if (done > 0) ftruncateSync(file, size);
    throw error;
  }
}

// On a network file system even this can fail for want of room; the file is closed all the same.
function closeAnyway(file: number): void {
  try {
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
