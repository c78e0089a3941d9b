import type { Socket } from 'node:net';

/**
 * Bytes over sockets: of those that are open, what they say of themselves; of the others, what they
 * said at their end. Costs nothing per request. Heads and framing count too.
 */
export class SocketBytes {
  readonly #open = new Set<Socket>();
  #read = 0;
  #written = 0;
  /** Open in other processes. */
  #elsewhere = 0;

  opened(socket: Socket): void {
    this.#open.add(socket);
  }

  closed(socket: Socket): void {
    if (!this.#open.delete(socket)) return;
    this.#read += socket.bytesRead;
    this.#written += socket.bytesWritten ?? 0;
  }

  /** For a socket whose end nobody else tells. */
  follow(socket: Socket): void {
    this.opened(socket);
    socket.once('close', () => this.closed(socket));
  }

  /** Counts those of another process. */
  add(read: number, written: number, open: number): void {
    this.#read += read;
    this.#written += written;
    this.#elsewhere += open;
  }

  get open(): number {
    return this.#open.size + this.#elsewhere;
  }

  read(): number {
    let sum = this.#read;
    for (const { bytesRead } of this.#open) sum += bytesRead;
    return sum;
  }

  written(): number {
    let sum = this.#written;
    for (const { bytesWritten } of this.#open) sum += bytesWritten ?? 0;
    return sum;
  }
}
