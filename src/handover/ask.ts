import type { Server, Socket } from 'node:net';
import { FailedError } from '../errors.ts';
import { isOfSystem } from '../expected-errors.ts';
import type { OpenSocket } from '../listen.ts';
import { errorInWords, quote } from '../text.ts';
import { type About, connectTo, hear, type SocketName, say, type Word } from './conversation.ts';
import { type Helper, receiveSocket } from './pass-socket.ts';

export interface AskSettings {
  readonly helper: Helper;
  /** Who says nothing for so long is stopped, or hangs. */
  readonly answerMs: number;
  /** How long a socket may take to come, and the other one to let go. */
  readonly handMs: number;
}

/** Who runs, as the process sees it that takes over. */
export interface Older extends About {
  /** @throws FailedError where it hands nothing over now */
  ask(pid: number): Promise<void>;
  open(name: SocketName): OpenSocket;
  /** What only one may hold is free, or its holder has ended. */
  release(): Promise<void>;
  /** Lets it leave. */
  taken(): void;
  /** Gives up: it goes on as before. */
  close(): void;
}

type Answer = 'here' | 'granted' | 'released';

/**
 * Finds out who listens there.
 * @param name what messages call it
 * @throws FailedError where nobody answers
 */
export async function findOlder(path: string, name: string, settings: AskSettings): Promise<Older> {
  const socket = await connectTo(path).catch((cause: unknown) => {
    if (!isOfSystem(cause)) throw cause;
    const message = `${name} does not hand over at this moment`;
    throw new FailedError('hand-over', message, 'It is starting or ending: try again', {
      cause,
    });
  });
  const answers = new Answers(socket, name);
  say(socket, { word: 'about' });
  const about = await answers.next('here', settings.answerMs);
  return { ...about, ...asking({ path, name, socket, answers }, settings) };
}

interface Line {
  readonly path: string;
  readonly name: string;
  readonly socket: Socket;
  readonly answers: Answers;
}

function asking({ path, name: who, socket, answers }: Line, settings: AskSettings) {
  let key = '';
  return {
    async ask(pid: number) {
      say(socket, { word: 'ask', pid });
      ({ key } = await answers.next('granted', settings.answerMs));
    },
    open(name: SocketName): OpenSocket {
      return async (server: Server, backlog: number) => {
        try {
          const connection = await connectTo(path);
          say(connection, { word: 'socket', name, key });
          const use = (given: unknown) => void server.listen(given, backlog);
          await receiveSocket(connection, backlog, settings.helper, settings.handMs, use);
        } catch (cause) {
          throw notGiven(who, cause);
        }
      };
    },
    async release() {
      say(socket, { word: 'release' });
      await answers.next('released', settings.handMs);
    },
    taken() {
      say(socket, { word: 'taken' });
      socket.end();
    },
    close() {
      socket.destroy();
    },
  };
}

/** What comes back, one answer for each question. */
class Answers {
  readonly #socket: Socket;
  readonly #name: string;
  #tell: (word: Word | null) => void = () => {};

  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    hear(socket, (word) => this.#tell(word));
    socket.once('close', () => this.#tell(null));
    socket.unref();
  }

  /** @throws FailedError for a refusal, an end and silence */
  async next<W extends Answer>(expected: W, withinMs: number): Promise<Word & { word: W }> {
    const word = await this.#word(withinMs);
    if (word !== null && word !== 'silence' && word.word === expected) {
      return word as Word & { word: W };
    }
    this.#socket.destroy();
    if (word === null) throw ended(this.#name);
    if (word === 'silence') throw silent(this.#name, withinMs);
    if (word.word === 'refused') throw new FailedError('hand-over', word.message, word.remedy);
    const message = `${this.#name} answers ${quote(word.word)} to a take-over`;
    throw new FailedError('hand-over', message, 'End it, then start this again');
  }

  #word(withinMs: number): Promise<Word | null | 'silence'> {
    if (this.#socket.destroyed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (word: Word | null | 'silence') => {
        clearTimeout(limit);
        this.#tell = () => {};
        resolve(word);
      };
      const limit = setTimeout(() => settle('silence'), withinMs);
      this.#tell = settle;
    });
  }
}

function notGiven(name: string, cause: unknown): FailedError {
  const message = `${name} could not hand its socket over: ${errorInWords(cause)}`;
  return new FailedError('hand-over', message, 'It goes on as before: start this again', { cause });
}

function ended(name: string): FailedError {
  const message = `${name} ended, or gave up handing over`;
  return new FailedError('hand-over-ended', message, 'Start this again');
}

function silent(name: string, withinMs: number): FailedError {
  const message = `${name} does not answer within ${withinMs / 1_000} s: it is stopped, or hangs`;
  const remedy =
    'Let it go on (kill -CONT), or end it (kill -KILL) and start this without --take-over';
  return new FailedError('hand-over-silent', message, remedy);
}
