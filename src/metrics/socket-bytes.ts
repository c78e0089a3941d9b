import type { Socket } from 'node:net';

/** What has a count of its bytes: a socket, or what tells of another's. */
export type CountedSocket = Pick<Socket, 'bytesRead' | 'bytesWritten'>;

/**
 * Bytes over sockets: of those that are open, what they say of themselves; of the others, what they
 * said at their end. Costs nothing per request. Heads and framing count too.
 */
export class SocketBytes {
  readonly #open = new Set<CountedSocket>();
  #read = 0;
  #written = 0;
  /** Open in other processes. */
  #elsewhere = 0;

  opened(socket: CountedSocket): void {
    this.#open.add(socket);
  }

  closed(socket: CountedSocket): void {
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
