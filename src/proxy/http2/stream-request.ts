import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { RequestMessage } from '../../http/messages.ts';
import type { StreamHead } from './stream-head.ts';

/** The client's side of a stream, as a request of HTTP/1. */
export class StreamRequest implements RequestMessage {
  readonly httpVersion = '2';
  method: string;
  url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly accept: string };
  readonly socket: Socket;
  readonly #stream: ServerHttp2Stream;
  #complete: boolean;
  #onEnd: (() => void) | null = null;

  constructor(stream: ServerHttp2Stream, socket: Socket, head: StreamHead) {
    this.#stream = stream;
    this.socket = socket;
    this.method = head.method;
    this.url = head.path;
    this.rawHeaders = head.lines;
    this.headers = { accept: head.accept };
    this.#complete = stream.endAfterHeaders;
    if (this.#complete) stream.resume();
    else stream.once('end', () => this.#ended());
    // Reset without an error (RFC 9113 §8.1) node would have it read to its end first, by nobody.
    stream.once('aborted', () => process.nextTick(() => stream.destroy()));
  }

  get complete(): boolean {
    return this.#complete;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  // Behind the answer the rest is read, by nobody, so that the stream has an end.
  pause(): void {
    if (!this.#stream.writableEnded) this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  isPaused(): boolean {
    return this.#stream.isPaused();
  }

  unpipe(): void {
    this.#stream.unpipe();
  }

  on(event: 'data', listener: (piece: Buffer) => void): void {
    this.#stream.on(event, listener);
  }

  once(event: 'end' | 'close', listener: () => void): void {
    if (event === 'close') {
      this.#stream.once(event, listener);
      return;
    }
    this.#onEnd = listener;
    // Node ends a body of nothing before anybody reads it.
    if (this.#complete) process.nextTick(() => this.#onEnd?.());
  }

  off(event: 'data' | 'end', listener: (piece: Buffer) => void): void {
    if (event === 'data') this.#stream.off(event, listener);
    else if (this.#onEnd === listener) this.#onEnd = null;
  }

  // Node ends the readable side of a stream that is reset, too: a part of a body would pass for all of it.
  #ended(): void {
    if (this.#stream.closed) return void this.#stream.destroy();
    this.#complete = true;
    this.#onEnd?.();
  }
}
