import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { troubleInWords } from '../expected-errors.ts';
import { BACKLOG } from '../listen.ts';
import { errorInWords } from '../text.ts';
import { type About, hear, type SocketName, say, type Word } from './conversation.ts';
import { type Helper, sendSocket } from './pass-socket.ts';

/** What a running door, or `up`, hands over. */
export interface Offered {
  about(): About;
  socket(name: SocketName): Server | null;
  /** Why that process may not take over now; null where it may. */
  refusal(pid: number): { readonly message: string; readonly remedy: string } | null;
  /** Lets go of what only one may hold. Where that fails, it is taken back. */
  release(): Promise<void>;
  /**
   * Takes it back, and goes on as before. Where that fails, or is false, it is asked again.
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
  /** Nobody takes over from here on; resolves once nothing is let go or taken back any more. */
  close(): Promise<void>;
}

const GOES_ON = 'It goes on as before: see what it says';

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
          return takeOver.end();
        },
      });
    });
  });
}

interface Asker {
  readonly socket: Socket;
  readonly pid: number;
  readonly key: string;
  /** It has asked for what only one may hold. */
  released: boolean;
}

class TakeOver {
  readonly #offered: Offered;
  readonly #settings: OfferSettings;
  readonly #sockets = new Set<Socket>();
  #asker: Asker | null = null;
  /** What only one may hold has been let go, and is not back. */
  #released = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  /** Letting go and taking back, one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(offered: Offered, settings: OfferSettings) {
    this.#offered = offered;
    this.#settings = settings;
  }

  hear(socket: Socket): void {
    this.#sockets.add(socket);
    hear(socket, (word) => this.#answer(socket, word));
    socket.on('end', () => socket.destroy()).on('close', () => this.#left(socket));
  }

  /** Resolves once nothing of it goes on. */
  end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    return this.#work;
  }

  // What goes wrong here is our own: who asked is let go, and this process goes on.
  #answer(socket: Socket, word: Word): void {
    try {
      this.#act(socket, word);
    } catch (error) {
      this.#offered.log(`handing over: ${troubleInWords(error)}`);
      socket.destroy();
    }
  }

  #act(socket: Socket, word: Word): void {
    const asker = this.#asker;
    if (word.word === 'about') say(socket, { word: 'here', ...this.#offered.about() });
    if (word.word === 'ask') this.#begin(socket, word.pid);
    if (word.word === 'socket' && word.key === asker?.key) this.#pass(socket, word.name);
    if (asker?.socket !== socket) return;
    if (word.word === 'release') this.#next(() => this.#release(asker));
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

  /** Does it behind all that goes on, and owns what becomes of it. */
  #next(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#offered.log(`handing over: ${troubleInWords(error)}`);
      this.#reclaimSoon(this.#settings.reclaimMs);
    });
  }

  async #release(asker: Asker): Promise<void> {
    if (this.#asker !== asker) return;
    asker.released = true;
    this.#released = true;
    try {
      await this.#offered.release();
    } catch (error) {
      this.#offered.log(`handing over: ${troubleInWords(error)}`);
      const message = `it could not let go of what only one may hold: ${errorInWords(error)}`;
      say(asker.socket, { word: 'refused', message, remedy: GOES_ON });
      return this.#reclaimSoon(0);
    }
    if (this.#asker !== asker) return this.#reclaimSoon(0);
    say(asker.socket, { word: 'released' });
    this.#reclaimSoon(this.#settings.reclaimMs);
  }

  #taken({ pid }: Asker): void {
    void this.end();
    this.#offered.taken(pid);
  }

  #left(socket: Socket): void {
    this.#sockets.delete(socket);
    const asker = this.#asker;
    if (this.#ended || asker?.socket !== socket) return;
    this.#asker = null;
    this.#offered.log(`process ${asker.pid} has not taken over: this one goes on`);
    if (this.#released) this.#reclaimSoon(0);
  }

  // Who holds what was let go, and says nothing, is waited for: it serves, or ends and lets go.
  #reclaimSoon(afterMs: number): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    this.#timer = setTimeout(() => this.#next(() => this.#reclaim()), afterMs);
    this.#timer.unref();
  }

  async #reclaim(): Promise<void> {
    if (this.#ended || !this.#released) return;
    if (!(await this.#offered.reclaim())) return this.#reclaimSoon(this.#settings.reclaimMs);
    this.#released = false;
    // Whoever was given it comes too late, whatever it says now.
    if (this.#asker?.released) this.#asker.socket.destroy();
  }
}
