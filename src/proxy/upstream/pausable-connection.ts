import type { Socket } from 'node:net';
import type { buildConnector, Dispatcher } from 'undici';
import { ReadFirstSocket } from '../../http/read-first-socket.ts';

/** How a request's reader slows its server down. */
export interface FlowControl {
  /** Reads no more from the server: its sends fill the kernel's buffers, then it has to wait. */
  pause(): void;
  resume(): void;
  /** Ends the connection under the request, which then fails with this error. */
  destroy(error: Error): void;
  /** The request is over, whether it failed or not. */
  finish(): void;
  /** The connection broke: an answer that ends with it is not whole, although undici says so. */
  readonly wasReset: boolean;
}

/** What a connection asks of the request that it is given. */
export interface AttemptHandler extends Dispatcher.DispatchHandler {
  /** Called with the connection, before the request is sent. */
  attach(flow: FlowControl): void;
}

const KEEP_ALIVE_PROBE_MS = 60_000;
/**
 * One connection to a server, with at most one request on it.
 *
 * undici 7.30 pauses its own parser when `onData` returns false, and ends the process (an assertion
 * in an event handler) when the server closes or resets a connection in that state: a slow reader
 * and one `Connection: close` are enough. So back-pressure is applied one step earlier, here.
 */
export class PausableConnection implements FlowControl {
  #socket: PausableSocket | null = null;
  readonly #open: Open;
  readonly #onFree: () => void;

  constructor(open: Open, onFree: () => void) {
    this.#open = open;
    this.#onFree = onFree;
  }

  assign(handler: AttemptHandler): void {
    handler.attach(this);
  }

  finish(): void {
    this.resume();
    this.#onFree();
  }

  pause(): void {
    if (this.#socket) this.#socket.paused = true;
  }

  resume(): void {
    const socket = this.#socket;
    if (!socket?.paused) return;
    socket.paused = false;
    socket.emit('readable');
  }

  get wasReset(): boolean {
    return this.#socket?.wasReset ?? false;
  }

  // Not by undici's own abort, which opens another connection for the request that is gone.
  destroy(error: Error): void {
    this.#socket?.destroy(error);
  }

  readonly connect: buildConnector.connector = (_, done) => {
    const socket = new PausableSocket();
    this.#socket = socket;
    this.#open(socket, (error) => {
      if (error) done(error, null);
      else done(null, socket);
    });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
  };
}

/** Connects a socket to the server that is meant. */
export type Open = (socket: Socket, done: (error: Error | null) => void) => void;

const READ_BYTES = 64 * 1_024;
/** More than the largest piece with a head, so that a write that the kernel takes pauses nothing. */
const WRITE_BYTES = 128 * 1_024;

/** A socket that can be paused without its reader noticing: while it is there is nothing to read. */
class PausableSocket extends ReadFirstSocket {
  paused = false;

  constructor() {
    super({ readableHighWaterMark: READ_BYTES, writableHighWaterMark: WRITE_BYTES });
  }

  override read(size?: number) {
    return this.paused && size !== 0 ? null : super.read(size);
  }
}
