import { Socket, type SocketConstructorOpts } from 'node:net';

type Written = (error?: Error | null) => void;

/**
 * A client's socket that fails only after all that has come was read. A server that refuses a body
 * answers, then closes with the rest unread: the kernel resets the connection, and our next write, or
 * the read after the answer, fails while the answer is still in the buffer.
 */
export class ReadFirstSocket extends Socket {
  #done: Written | null = null;
  /** The read that failed while there was something left. */
  #broken: Error | null = null;
  /** The connection broke: an answer that ends with its connection is not whole, even if it looks so. */
  wasReset = false;

  // Node hands all of it to its streams; the types know only some.
  constructor(options: object = {}) {
    super(options as SocketConstructorOpts);
  }

  override read(size?: number) {
    const piece = super.read(size);
    const broken = this.#broken;
    // The reader gets its piece first.
    if (broken && this.readableLength === 0) process.nextTick(() => super.destroy(broken));
    return piece;
  }

  override destroy(error?: Error): this {
    if (!isOfKernel(error)) return super.destroy(error);
    this.wasReset = true;
    if (this.readableLength === 0) return super.destroy(error);
    this.#broken = error;
    return this;
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Written): void {
    this.#done = done;
    super._write(chunk, encoding, this.#written);
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Written): void {
    this.#done = done;
    super._writev?.(chunks, this.#written);
  }

  // One function for all writes. One that failed stays unfinished, so that nothing more is written,
  // until the end of what can be read: the kernel gives what it has, then an end or an error.
  readonly #written: Written = (error) => {
    const done = this.#done;
    if (!isOfKernel(error) || this.readableEnded || this.destroyed) return done?.(error);
    this.wasReset = true;
    this.once('end', () => done?.(error));
  };
}

/** An error of the kernel, not of a caller who gives up: that takes effect at once. */
function isOfKernel(error: Error | null | undefined): error is NodeJS.ErrnoException {
  return error ? 'syscall' in error : false;
}
