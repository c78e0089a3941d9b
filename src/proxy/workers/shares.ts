import type { SocketHandle } from './held-socket.ts';
import type { FromWorker } from './messages.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** How far one may be ahead of another: so many connections, and a part of what the other has. */
const AHEAD = 4;
const AHEAD_PART = 8;
/** Looks, one a second, without a word: nobody waits for one that stands still. */
const MOST_SILENT = 1;

/**
 * Who accepts connections: all that listen on the door's socket take what they can get, and one that is
 * ahead rests until the others have caught up. The one with the fewest always listens.
 */
export class Shares {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #socket: () => SocketHandle | null;

  constructor(workers: () => readonly WorkerHandle[], socket: () => SocketHandle | null) {
    this.#workers = workers;
    this.#socket = socket;
  }

  /** What one says of its part in it. */
  hear(worker: WorkerHandle, message: FromWorker): void {
    if (message.is === 'listening') worker.listens();
    else if (message.is === 'missed') worker.accepts = null;
    else if (message.is === 'resting') {
      worker.rests(message.connections);
      this.look();
    }
  }

  /** After whatever has changed. */
  look(): void {
    for (const worker of this.#workers()) {
      if (worker.seq > 0 && worker.state !== 'leaving') this.#tell(worker);
    }
  }

  #tell(worker: WorkerHandle): void {
    const most = this.#most(worker);
    const socket = this.#socket();
    if (worker.accepts === null) {
      if (worker.connections < most && socket) worker.accept(most, socket);
    } else if (Math.abs(most - worker.accepts) >= AHEAD) worker.acceptUpTo(most);
  }

  #most(worker: WorkerHandle): number {
    let least = Number.MAX_SAFE_INTEGER / 2;
    for (const other of this.#workers()) {
      const isThere = other.state === 'serving' && other.silent <= MOST_SILENT;
      if (isThere && other !== worker) least = Math.min(least, other.connections);
    }
    return least + AHEAD + Math.floor(least / AHEAD_PART);
  }
}
