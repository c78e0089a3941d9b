import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { RequestMessage } from '../../http/messages.ts';

/**
 * The body of a request as undici wants it. It takes nothing from the client before undici asks,
 * which is after the connection stands, so that a refused connection costs no body; and undici may
 * destroy it without harm to the client's connection, on which the answer still has to go.
 *
 * It has what undici uses of a stream and no buffer: the request has one already.
 */
export class RequestBody extends EventEmitter {
  readonly #request: RequestMessage;
  readonly #moved: () => void;
  #attached = false;
  #ended = false;
  destroyed = false;

  /** `moved` is called for each piece, and at the end. */
  constructor(request: RequestMessage, moved: () => void) {
    super();
    this.#request = request;
    this.#moved = moved;
  }

  /** The whole body has come in. */
  get arrived(): boolean {
    return this.#request.complete;
  }

  /** The server takes no more for now: it is not the client that stands still. */
  get paused(): boolean {
    return this.#attached && this.#request.isPaused();
  }

  /** undici's types ask for more than it uses. */
  get stream(): Readable {
    return this as unknown as Readable;
  }

  resume(): void {
    if (this.destroyed) return;
    if (!this.#attached) this.#attach();
    this.#request.resume();
  }

  pause(): void {
    if (!this.destroyed) this.#request.pause();
  }

  pipe(into: Writable): void {
    this.on('data', (piece: Buffer) => {
      if (!into.write(piece)) this.pause();
    });
    this.on('end', () => into.end());
    into.on('drain', () => this.resume());
    this.resume();
  }

  destroy(error?: Error | null): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    if (error || !this.#ended) process.nextTick(() => this.#close(error));
  }

  #attach(): void {
    this.#attached = true;
    this.#request.on('data', this.#onData);
    this.#request.once('end', this.#onEnd);
  }

  // Whoever no longer listens has heard of the error already.
  #close(error?: Error | null): void {
    if (error && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close');
  }

  readonly #onData = (piece: Buffer) => {
    this.#moved();
    this.emit('data', piece);
  };

  readonly #onEnd = () => {
    this.#ended = true;
    this.#moved();
    this.emit('end');
  };
}
