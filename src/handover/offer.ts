import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { BACKLOG } from '../listen.ts';
import { type About, hear, type SocketName, say, type Word } from './conversation.ts';
import { type Helper, sendSocket } from './pass-socket.ts';

/** What a running door, or `up`, hands over. */
export interface Offered {
  about(): About;
  socket(name: SocketName): Server | null;
  /** Why that process may not take over now; null where it may. */
  refusal(pid: number): { readonly message: string; readonly remedy: string } | null;
  /** Lets go of what only one may hold. */
  release(): Promise<void>;
  /**
   * Takes it back, and goes on as before.
   * @returns false where somebody else holds it
   */
  reclaim(): Promise<boolean>;
  /** All is that process's now. */
  taken(pid: number): void;
  log(line: string): void;
}

export interface OfferSettings {
  readonly helper: Helper;
  /** Who has been given all and says nothing for so long may have stopped: what was let go is asked back. */
  readonly reclaimMs: number;
}

export interface Offer {
  close(): void;
}

/** Listens for the one that is to take over. Whoever may reach the socket may: its folder is private. */
export function offerTakeOver(
  path: string,
  offered: Offered,
  settings: OfferSettings,
): Promise<Offer> {
  const takeOver = new TakeOver(offered, settings);
  const server = createServer((socket) => takeOver.hear(socket));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject).on('error', () => {}); // one that could not be accepted
      server.unref();
      resolve({
        close() {
          server.close();
          takeOver.end();
        },
      });
    });
  });
}

interface Asker {
  readonly socket: Socket;
  readonly pid: number;
  readonly key: string;
  released: boolean;
}

class TakeOver {
  readonly #offered: Offered;
  readonly #settings: OfferSettings;
  #asker: Asker | null = null;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(offered: Offered, settings: OfferSettings) {
    this.#offered = offered;
    this.#settings = settings;
  }

  hear(socket: Socket): void {
    hear(socket, (word) => this.#answer(socket, word));
    socket.on('end', () => socket.destroy()).on('close', () => this.#left(socket));
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#asker?.socket.destroy();
  }

  #answer(socket: Socket, word: Word): void {
    const asker = this.#asker;
    if (word.word === 'about') say(socket, { word: 'here', ...this.#offered.about() });
    if (word.word === 'ask') this.#begin(socket, word.pid);
    if (word.word === 'socket' && word.key === asker?.key) this.#pass(socket, word.name);
    if (asker?.socket !== socket) return;
    if (word.word === 'release') void this.#release(asker);
    if (word.word === 'taken') this.#taken(asker);
  }

  #begin(socket: Socket, pid: number): void {
    const refusal = this.#refusal(pid);
    if (refusal) return say(socket, { word: 'refused', ...refusal });
    const key = randomBytes(12).toString('base64url');
    this.#asker = { socket, pid, key, released: false };
    this.#offered.log(`process ${pid} is about to take over`);
    say(socket, { word: 'granted', key });
  }

  #refusal(pid: number) {
    const asker = this.#asker;
    if (asker === null) return this.#offered.refusal(pid);
    const message = `another process (pid ${asker.pid}) is taking over at this moment`;
    return { message, remedy: 'Wait until it has, or end it' };
  }

  #pass(socket: Socket, name: SocketName): void {
    const server = this.#offered.socket(name);
    if (server === null) return void socket.destroy();
    sendSocket(socket, server, BACKLOG, this.#settings.helper).on('error', ({ message }) =>
      this.#offered.log(`a socket could not be handed over: ${message}`),
    );
  }

  async #release(asker: Asker): Promise<void> {
    asker.released = true;
    await this.#offered.release();
    if (this.#asker !== asker) return this.#reclaimSoon(asker, 0);
    say(asker.socket, { word: 'released' });
    this.#reclaimSoon(asker, this.#settings.reclaimMs);
  }

  #taken({ pid, socket }: Asker): void {
    this.end();
    socket.destroy();
    this.#offered.taken(pid);
  }

  #left(socket: Socket): void {
    const asker = this.#asker;
    if (this.#ended || asker?.socket !== socket) return;
    this.#asker = null;
    this.#offered.log(`process ${asker.pid} has not taken over: this one goes on`);
    if (asker.released) this.#reclaimSoon(asker, 0);
  }

  // Who holds what was let go, and says nothing, is waited for: it serves, or ends and lets go.
  #reclaimSoon(asker: Asker, afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#reclaim(asker), afterMs);
    this.#timer.unref();
  }

  async #reclaim(asker: Asker): Promise<void> {
    if (this.#ended) return;
    const isOurs = await this.#offered.reclaim();
    if (this.#ended) return;
    if (!isOurs) return this.#reclaimSoon(asker, this.#settings.reclaimMs);
    asker.released = false;
    asker.socket.destroy();
  }
}
