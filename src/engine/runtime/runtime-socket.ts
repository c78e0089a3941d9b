import { connect, type Socket } from 'node:net';
import { FailedError } from '../../errors.ts';
import { plain } from '../../text.ts';

/** In interactive mode HAProxy, or its master, says so when it has answered. */
const PROMPT = /(?:^|\n)(?:master)?> $/;
const QUIET = '';
/** What comes for each line of a payload. */
const MORE = /^(?:\+ )+/;

interface Waiting {
  /** As it goes on the wire. */
  readonly text: string;
  resolve(text: string): void;
  reject(error: Error): void;
}

/**
 * The runtime socket of one worker of HAProxy, over one connection for as long as that worker lives:
 * it goes on while the worker leaves, and its end tells of a death at once.
 */
export class RuntimeSocket {
  readonly #socket: Socket;
  readonly #withinMs: number;
  readonly #waiting: Waiting[] = [];
  #text = QUIET;
  #ended: Error | null = null;

  private constructor(socket: Socket, withinMs: number) {
    this.#socket = socket;
    this.#withinMs = withinMs;
    socket.setEncoding('utf8').on('data', (piece) => this.#take(String(piece)));
    socket.on('error', () => {}); // `close` follows
    socket.once('close', () => this.#end(gone()));
  }

  /**
   * @param withinMs how long any answer may take
   * @throws FailedError where nobody listens there, or it does not answer as HAProxy does
   */
  static async open(path: string, withinMs: number): Promise<RuntimeSocket> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(silent('connect')), withinMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(gone(error));
      });
    });
    const opened = new RuntimeSocket(socket, withinMs);
    await opened.ask('prompt');
    return opened;
  }

  /** Called once, when the connection has ended, whoever ended it. */
  onEnd(told: () => void): void {
    if (this.#ended) told();
    else this.#socket.once('close', told);
  }

  /**
   * One command.
   * @param payload lines that go with it, none of them empty
   * @returns what it printed, without blanks around it
   * @throws FailedError where no answer comes
   */
  ask(command: string, payload?: string): Promise<string> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#socket.destroy(silent(command)), this.#withinMs);
      const settled = <Value>(settle: (value: Value) => void) => {
        return (value: Value) => {
          clearTimeout(timer);
          settle(value);
        };
      };
      const text = payload === undefined ? command : `${command} <<\n${payload}`;
      this.#waiting.push({ text, resolve: settled(resolve), reject: settled(reject) });
      if (this.#waiting.length === 1) this.#send();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    const [first] = this.#waiting;
    if (first) this.#socket.write(`${first.text}\n`);
  }

  // One command at a time: an answer that looks like a prompt in its middle would else shift all others.
  #take(piece: string): void {
    this.#text += piece;
    if (!PROMPT.test(this.#text)) return;
    const text = this.#text.replace(PROMPT, '').replace(MORE, '').trim();
    this.#text = QUIET;
    this.#waiting.shift()?.resolve(text);
    this.#send();
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

function gone(cause?: Error): FailedError {
  return new FailedError('engine-gone', 'HAProxy does not answer', 'See its log', { cause });
}

function silent(command: string): FailedError {
  const message = `HAProxy did not answer ${JSON.stringify(plain(command))} in time`;
  return new FailedError('engine-silent', message, 'See whether its machine is busy');
}
