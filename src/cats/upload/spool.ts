import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rm, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutSystem } from '../../expected-errors.ts';
import { quote, systemReason } from '../../text.ts';

const PREFIX = 'upload-';

export interface SpoolOptions {
  /** Made when it is first needed, where its parent is there. */
  readonly folder: string;
  /** All its files together. */
  readonly maxBytes: number;
  log(line: string): void;
}

/** Files without a name, for what memory has no room for. They go with their process, however it ends. */
export class Spool {
  readonly #options: SpoolOptions;
  #taken = 0;
  /** Bytes taken that are not written yet: the rest is on the disk already. */
  #unwritten = 0;
  #trouble = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /**
   * A file that so many bytes fit in.
   * @returns null where they do not, or the folder cannot be used
   */
  async take(bytes: number): Promise<SpoolFile | null> {
    if (this.#taken + bytes > this.#options.maxBytes) return null;
    this.#taken += bytes;
    this.#unwritten += bytes;
    try {
      const handle = (await this.#hasRoom()) ? await this.#open() : null;
      if (handle) return this.#file(handle, bytes);
    } catch (error) {
      this.#tell(error);
    }
    this.#taken -= bytes;
    this.#unwritten -= bytes;
    return null;
  }

  /** Removes what a server left behind that died between making a file and taking its name away. */
  async sweep(): Promise<void> {
    const { folder } = this.#options;
    const names = await readdir(folder).catch(withoutSystem([])); // there is none yet, or it is not ours
    const left = names.filter((name) => name.startsWith(PREFIX));
    const sweeping = left.map((name) => rm(join(folder, name), { force: true }));
    await Promise.all(sweeping.map((each) => each.catch(withoutSystem(null))));
  }

  async #open(): Promise<FileHandle> {
    const { folder } = this.#options;
    await mkdir(folder, { mode: 0o700 }).catch(unlessThere);
    const path = join(folder, PREFIX + randomBytes(9).toString('base64url'));
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path).catch(unlessSwept);
    this.#trouble = false;
    return handle;
  }

  async #hasRoom(): Promise<boolean> {
    const parent = join(this.#options.folder, '..');
    const of = await statfs(this.#options.folder).catch(() => statfs(parent));
    // Some file systems do not tell.
    return of.blocks === 0 || of.bavail * of.bsize >= this.#unwritten;
  }

  #file(handle: FileHandle, bytes: number): SpoolFile {
    let unwritten = bytes;
    return new SpoolFile(handle, {
      failed: (error) => this.#tell(error),
      wrote: (count) => {
        unwritten -= count;
        this.#unwritten -= count;
      },
      closed: () => {
        this.#taken -= bytes;
        this.#unwritten -= unwritten;
      },
    });
  }

  #tell(error: unknown): void {
    if (this.#trouble) return;
    this.#trouble = true;
    const { folder, log } = this.#options;
    log(`uploads are kept in memory alone: folder ${quote(folder)}: ${systemReason(error)}`);
  }
}

interface Watch {
  failed(error: unknown): void;
  wrote(bytes: number): void;
  closed(): void;
}

export class SpoolFile {
  readonly #handle: FileHandle;
  readonly #watch: Watch;
  #size = 0;

  constructor(handle: FileHandle, watch: Watch) {
    this.#handle = handle;
    this.#watch = watch;
  }

  async add(piece: Buffer): Promise<void> {
    await this.#write(piece).catch((error) => {
      this.#watch.failed(error);
      throw error;
    });
  }

  /** Fills a buffer with what stands from there. */
  async read(into: Buffer, from: number): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await this.#handle.read(into, at, into.length - at, from + at);
      if (bytesRead === 0) throw new Error('a spooled upload is shorter than it was written');
      at += bytesRead;
    }
  }

  /** What is being written or read comes to its end first. */
  async close(): Promise<void> {
    await this.#handle.close().catch(withoutSystem(null));
    this.#watch.closed();
  }

  async #write(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const left = piece.length - at;
      const { bytesWritten } = await this.#handle.write(piece, at, left, this.#size);
      at += bytesWritten;
      this.#size += bytesWritten;
      this.#watch.wrote(bytesWritten);
    }
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unlessSwept(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
