import type { Socket } from 'node:net';
import type { WorkerHandle } from './worker-handle.ts';

/** What did not arrive by then, while its worker says other things, never will: it has no open files left. */
const LOST_MS = 3_000;

/**
 * Gives each connection to the worker that has the fewest, one at a time to each: one that stands still
 * holds up no other. A connection stays open here until its worker has it.
 */
export class HandOver {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #queue: Socket[] = [];
  #turn = 0;

  constructor(workers: () => readonly WorkerHandle[]) {
    this.#workers = workers;
  }

  offer(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    this.#queue.push(socket);
    this.pump();
  }

  /** Connections that nobody has yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  taken(worker: WorkerHandle, number: number): void {
    worker.took(number)?.destroy();
    this.pump();
  }

  /** Looks after what is on its way to one that has said something. */
  look(worker: WorkerHandle): void {
    const { handed } = worker;
    if (handed && performance.now() - handed.sinceMs > LOST_MS) this.taken(worker, handed.number);
  }

  /** A worker is gone that has not had its last connection: nobody has read from it. */
  gone(worker: WorkerHandle): void {
    const { handed } = worker;
    worker.handed = null;
    if (handed) this.#queue.unshift(handed.socket);
    this.pump();
  }

  pump(): void {
    while (this.#queue.length > 0) {
      const worker = this.#next();
      if (!worker) return;
      const socket = this.#queue.shift();
      if (socket && !socket.destroyed) worker.hand(socket);
    }
  }

  cut(): void {
    for (const socket of this.#queue.splice(0)) socket.destroy();
  }

  // Those that have as many take turns.
  #next(): WorkerHandle | null {
    const free = this.#workers().filter(({ state, handed }) => state === 'serving' && !handed);
    let best: WorkerHandle | null = null;
    for (let step = 0; step < free.length; step += 1) {
      const worker = free[(this.#turn + step) % free.length];
      if (worker && (!best || worker.connections < best.connections)) best = worker;
    }
    this.#turn += 1;
    return best;
  }
}
