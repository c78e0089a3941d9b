import { createServer, type Socket } from 'node:net';
import { BACKLOG } from '../../listen.ts';
import { codeOf } from '../upstream/failure.ts';
import type { SocketHandle } from './held-socket.ts';
import type { ToPrimary } from './messages.ts';

export interface AcceptorDeps {
  readonly primary: ToPrimary;
  take(socket: Socket): void;
  /** How many connections it has. */
  open(): number;
}

/** Looked at together, all of so long and no fewer than so many: whether clients stay. */
const SEEN_MS = 1_000;
const LEAST_SEEN = 8;

/** A worker's part in the door's socket: it accepts until it has as many connections as it may. */
export class Acceptor {
  readonly #deps: AcceptorDeps;
  readonly #server;
  #most = 0;
  /** Since when, how many it had then, and how many have come. */
  #seen = { sinceMs: 0, open: 0, accepted: 0 };
  #closed = false;

  constructor(deps: AcceptorDeps) {
    this.#deps = deps;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      deps.take(socket);
      this.#see();
      this.#restIfFull();
    });
    this.#server.on('listening', () => deps.primary.send({ is: 'listening' }));
    // One that could not be accepted for want of open files waits.
    this.#server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'accept') return;
      deps.primary.send({ is: 'deaf', code: codeOf(error) });
    });
  }

  /** @param handle what to listen on */
  listen(handle: SocketHandle | undefined, most: number): void {
    this.#most = most;
    this.#seen = { sinceMs: performance.now(), open: this.#deps.open(), accepted: 0 };
    if (this.#closed || this.#server.listening) handle?.close();
    else if (handle) this.#server.listen(handle, BACKLOG);
  }

  /** How many it may have from now on. Where it does not accept, what it should have listened on did not come. */
  upTo(most: number): void {
    this.#most = most;
    if (this.#closed) return;
    if (this.#server.listening) this.#restIfFull();
    else this.#deps.primary.send({ is: 'missed' });
  }

  /** What waits to be accepted is for others: they have the same socket. */
  close(): void {
    this.#closed = true;
    this.#server.close();
  }

  #see(): void {
    const nowMs = performance.now();
    const { sinceMs, accepted } = this.#seen;
    if (accepted >= LEAST_SEEN && nowMs - sinceMs > SEEN_MS) {
      this.#seen = { sinceMs: nowMs, open: this.#deps.open() - 1, accepted: 0 };
    }
    this.#seen.accepted += 1;
  }

  // Of clients that come and go each takes what it can: that others wait for one that rests costs half of
  // all new connections.
  #stay(): boolean {
    const { open, accepted } = this.#seen;
    return accepted >= LEAST_SEEN && this.#deps.open() - open > accepted / 2;
  }

  #restIfFull(): void {
    const connections = this.#deps.open();
    if (connections < this.#most || !this.#server.listening || !this.#stay()) return;
    this.#server.close();
    this.#deps.primary.send({ is: 'resting', connections });
  }
}
