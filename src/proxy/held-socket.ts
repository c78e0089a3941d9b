import { Socket } from 'node:net';

// Node hands all of it to its streams; the types know only some.
const SOCKET_OPTIONS: object = { highWaterMark: 64 * 1_024 };

type Written = (error?: Error | null) => void;

/** A socket that can be held back without its reader noticing: while held there is nothing to read. */
export class HeldSocket extends Socket {
  held = false;
  #done: Written | null = null;

  constructor() {
    super(SOCKET_OPTIONS);
  }

  override read(size?: number) {
    return this.held && size !== 0 ? null : super.read(size);
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: Written): void {
    this.#done = done;
    super._write(chunk, encoding, this.#written);
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Written): void {
    this.#done = done;
    super._writev?.(chunks, this.#written);
  }

  // A server that refuses a body answers, then closes with the rest unread: its reset fails our
  // write before we have read its answer. One more turn of the event loop reads it.
  readonly #written: Written = (error) => {
    const done = this.#done;
    if (!error) done?.();
    else setImmediate(() => setImmediate(() => done?.(error)));
  };
}
