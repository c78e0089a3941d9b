import type { Socket } from 'node:net';
import type { Member } from './member.ts';

/** What did not arrive by then, while its worker says other things, never will: it has no open files left. */
const LOST_MS = 3_000;

/**
 * Gives each connection to the worker that has the fewest, one at a time to each: one that stands still
 * holds up no other. A connection stays open here until its worker has it.
 */
export class HandOver {
  readonly #members: () => readonly Member[];
  readonly #queue: Socket[] = [];
  #turn = 0;

  constructor(members: () => readonly Member[]) {
    this.#members = members;
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

  taken(member: Member, number: number): void {
    member.took(number)?.destroy();
    this.pump();
  }

  /** Looks after what is on its way to one that has said something. */
  look(member: Member): void {
    const { handed } = member;
    if (handed && performance.now() - handed.sinceMs > LOST_MS) this.taken(member, handed.number);
  }

  /** A worker is gone that has not had its last connection: nobody has read from it. */
  gone(member: Member): void {
    const { handed } = member;
    member.handed = null;
    if (handed) this.#queue.unshift(handed.socket);
    this.pump();
  }

  pump(): void {
    while (this.#queue.length > 0) {
      const member = this.#next();
      if (!member) return;
      const socket = this.#queue.shift();
      if (socket && !socket.destroyed) member.hand(socket);
    }
  }

  cut(): void {
    for (const socket of this.#queue.splice(0)) socket.destroy();
  }

  // Those that have as many take turns.
  #next(): Member | null {
    const free = this.#members().filter(({ state, handed }) => state === 'serving' && !handed);
    let best: Member | null = null;
    for (let step = 0; step < free.length; step += 1) {
      const member = free[(this.#turn + step) % free.length];
      if (member && (!best || member.connections < best.connections)) best = member;
    }
    this.#turn += 1;
    return best;
  }
}
