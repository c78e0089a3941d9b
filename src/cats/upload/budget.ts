import { type MemoryPart, UploadMemory } from './memory.ts';
import { Spool, type SpoolFile } from './spool.ts';
import { Turns } from './turns.ts';

/** The bytes of one upload, from their coming until they are queued. */
export interface Room {
  readonly size: number;
  /** Appends. @throws NoRoom when the disk is full after all */
  add(piece: Buffer): Promise<void> | null;
  /** Before anything is read. @throws StoreError when the one before found Redis away */
  turn(): Promise<void>;
  /** Good until the next is read. */
  read(from: number, to: number): Promise<Buffer>;
  /** Redis lets its client wait for too long: those that wait for their turn are told so too. */
  late(error: unknown): void;
  /** Ends it. */
  leave(): void;
  /** Ends it where Redis did not take all. @param error what it was */
  abandon(error: unknown): void;
}

export interface RoomLimits {
  readonly maxUploadMemoryBytes: number;
  readonly maxSpoolBytes: number;
  readonly maxPictureBytes: number;
}

/** Nothing is wrong with the upload: it may be sent again. */
class NoRoom extends Error {
  readonly status = 503;
  readonly expose = true;

  constructor(options?: ErrorOptions) {
    super('this server has no room for another upload now: send it again', options);
  }
}

/** The one budget of all uploads of a server: memory, then files. */
export class UploadRoom {
  readonly #limits: RoomLimits;
  readonly #memory: UploadMemory;
  readonly #spool: Spool | null;
  /** What is read from files is read into one buffer. */
  readonly #turns = new Turns();
  readonly #buffer: UploadMemory;

  /** @param folder where files go; null for memory alone */
  constructor(folder: string | null, limits: RoomLimits, log: (line: string) => void) {
    this.#limits = limits;
    this.#memory = new UploadMemory(limits.maxUploadMemoryBytes);
    this.#buffer = new UploadMemory(limits.maxPictureBytes);
    const maxBytes = limits.maxSpoolBytes;
    this.#spool = folder === null ? null : new Spool({ folder, maxBytes, log });
  }

  /** @throws NoRoom where so many bytes cannot be promised */
  async take(bytes: number): Promise<Room> {
    const part = this.#memory.take(bytes);
    if (part) return new MemoryRoom(part);
    const file = await this.#spool?.take(bytes);
    if (!file) throw new NoRoom();
    const { maxPictureBytes } = this.#limits;
    return new FileRoom(file, this.#turns, () => this.#buffer.take(maxPictureBytes));
  }

  async sweep(): Promise<void> {
    await this.#spool?.sweep();
  }
}

class MemoryRoom implements Room {
  readonly #bytes: Buffer;
  #part: MemoryPart | null;
  #size = 0;

  constructor(part: MemoryPart) {
    this.#bytes = part.bytes;
    this.#part = part;
  }

  get size(): number {
    return this.#size;
  }

  // Behind its end, and after it was left, the bytes are another's.
  add(piece: Buffer): null {
    if (!this.#part || this.#size + piece.length > this.#bytes.length) throw overfull();
    piece.copy(this.#bytes, this.#size);
    this.#size += piece.length;
    return null;
  }

  turn(): Promise<void> {
    return Promise.resolve();
  }

  read(from: number, to: number): Promise<Buffer> {
    return Promise.resolve(this.#bytes.subarray(from, to));
  }

  late(): void {}

  leave(): void {
    this.#end(false);
  }

  abandon(): void {
    this.#end(true);
  }

  #end(mayBeRead: boolean): void {
    this.#part?.giveBack(mayBeRead);
    this.#part = null;
  }
}

class FileRoom implements Room {
  readonly #turns: Turns;
  readonly #takeBuffer: () => MemoryPart | null;
  readonly #file: SpoolFile;
  #part: MemoryPart | null = null;
  #hasTurn = false;
  #left = false;
  #size = 0;

  constructor(file: SpoolFile, turns: Turns, takeBuffer: () => MemoryPart | null) {
    this.#file = file;
    this.#turns = turns;
    this.#takeBuffer = takeBuffer;
  }

  get size(): number {
    return this.#size;
  }

  async add(piece: Buffer): Promise<void> {
    if (this.#left) throw overfull();
    await this.#file.add(piece).catch((cause) => {
      throw new NoRoom({ cause });
    });
    this.#size += piece.length;
  }

  async turn(): Promise<void> {
    await this.#turns.take();
    this.#hasTurn = true;
  }

  async read(from: number, to: number): Promise<Buffer> {
    this.#part ??= this.#takeBuffer();
    if (!this.#part) throw new Error('a spooled upload was read out of its turn');
    const into = this.#part.bytes.subarray(0, to - from);
    await this.#file.read(into, from);
    return into;
  }

  late(error: unknown): void {
    if (this.#hasTurn) this.#turns.fail(error);
  }

  leave(): void {
    this.#end(null);
  }

  abandon(error: unknown): void {
    this.#end(error);
  }

  #end(error: unknown): void {
    if (this.#left) return;
    this.#left = true;
    void this.#file.close();
    this.#part?.giveBack(error !== null);
    this.late(error);
    if (this.#hasTurn) this.#turns.giveBack();
  }
}

function overfull(): Error {
  return new Error('more came than there is room for');
}
