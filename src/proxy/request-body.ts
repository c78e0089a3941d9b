import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

const BUFFER_BYTES = 64 * 1_024;

/**
 * The body of a request as undici wants it. It takes nothing from the client before undici asks,
 * which is after the connection stands, so that a refused connection costs no body; and undici may
 * destroy it without harm to the client's connection, on which the answer still has to go.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #moved: () => void;
  #attached = false;

  /** `moved` is called for each piece, and at the end. */
  constructor(request: IncomingMessage, moved: () => void) {
    super({ highWaterMark: BUFFER_BYTES });
    this.#request = request;
    this.#moved = moved;
  }

  /** The whole body has come in. */
  get arrived(): boolean {
    return this.#request.complete;
  }

  /** The server takes no more for now: what stands still is not the client. */
  get held(): boolean {
    return this.#attached && this.#request.isPaused();
  }

  override _read(): void {
    if (!this.#attached) this.#attach();
    this.#request.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData).off('end', this.#onEnd);
    done(error);
  }

  #attach(): void {
    this.#attached = true;
    this.#request.on('data', this.#onData).once('end', this.#onEnd);
  }

  readonly #onData = (piece: Buffer) => {
    this.#moved();
    if (!this.push(piece)) this.#request.pause();
  };

  readonly #onEnd = () => {
    this.#moved();
    this.push(null);
  };
}
