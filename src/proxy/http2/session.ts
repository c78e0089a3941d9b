import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Connection } from '../client/connection.ts';
import { cutIfUnread } from '../client/unread-answer.ts';
import type { DoorContext } from '../exchange/context.ts';
import { answerItself, receive } from '../exchange/receive.ts';
import { Budget, type Rate } from './budget.ts';
import { sayErrors } from './error-code.ts';
import { StreamConnection } from './stream-connection.ts';
import { readStreamHead } from './stream-head.ts';
import { StreamRequest } from './stream-request.ts';
import { StreamResponse } from './stream-response.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;
/** Every stream there can be: none that is under way is refused. RFC 9113 §6.8. */
const LAST_STREAM = 2 ** 31 - 1;

/** What costs a client nothing and the door something. Whoever goes on with it is let go. */
const rates = {
  /** Streams that the client resets before it has their answer: CVE-2023-44487. */
  resets: { burst: 200, perSecond: 20 },
  /** Each is answered: CVE-2019-9512 and CVE-2019-9515. */
  pings: { burst: 100, perSecond: 10 },
  settings: { burst: 20, perSecond: 1 },
} as const satisfies Record<string, Rate>;

type Kind = keyof typeof rates;

/** One client's connection of HTTP/2. */
export class Session {
  readonly #context: DoorContext;
  readonly #session: ServerHttp2Session;
  readonly #carrier: Connection;
  readonly #log: (line: string) => void;
  readonly #budgets: Readonly<Record<Kind, Budget>>;
  readonly #streams = new Map<StreamResponse, StreamConnection>();
  /** Ends what nobody asks anything of. Node's own timer starts again at every frame, a ping too. */
  #idle: NodeJS.Timeout;
  #leaving = false;

  /** @param carrier what is known of the connection under it */
  constructor(
    context: DoorContext,
    session: ServerHttp2Session,
    carrier: Connection,
    log: (line: string) => void,
  ) {
    this.#context = context;
    this.#session = session;
    this.#carrier = carrier;
    this.#log = log;
    const budget = (rate: Rate) => new Budget(rate, () => performance.now());
    this.#budgets = {
      resets: budget(rates.resets),
      pings: budget(rates.pings),
      settings: budget(rates.settings),
    };
    session.on(
      'stream',
      (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, raw: readonly string[]) =>
        this.#take(stream, raw),
    );
    session.on('ping', () => this.#spend('pings'));
    session.on('remoteSettings', () => this.#spend('settings'));
    session.on('error', () => {}); // its streams are told, by their end
    session.once('close', () => clearTimeout(this.#idle));
    sayErrors(session);
    this.#idle = this.#limitIdle(context.options.clientHeaderMs);
    if (context.closing) this.goAway();
  }

  /** Tells the client to open no more streams, and ends the connection with the last of them. */
  goAway(): void {
    const session = this.#session;
    if (this.#leaving || session.destroyed) return;
    this.#leaving = true;
    session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM);
    // What the client sent before it heard of that is here when its answer to a ping is.
    const close = () => this.#close();
    const limit = setTimeout(close, this.#context.options.lingerMs);
    session.once('close', () => clearTimeout(limit));
    if (!session.ping(close)) close();
  }

  /** Cuts answers of which the client takes nothing any more. */
  look(nowMs: number): void {
    const { bodyIdleMs } = this.#context.options;
    for (const [{ bytesLeft }, connection] of this.#streams) {
      cutIfUnread(connection, bytesLeft, nowMs, bodyIdleMs);
    }
  }

  #take(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const { options } = this.#context;
    stream.on('error', () => {}); // `close` comes behind it
    clearTimeout(this.#idle);
    const head = readStreamHead(raw, !stream.endAfterHeaders, options);
    const connection = new StreamConnection(this.#carrier);
    const request = new StreamRequest(stream, this.#carrier.socket, head);
    const response = new StreamResponse(stream, request);
    this.#streams.set(response, connection);
    if (!request.complete) this.#limitRequest(stream, request, connection);
    stream.once('close', () => this.#closed(response));
    if (head.refused) answerItself(this.#context, connection, request, response, head.refused);
    else receive(this.#context, connection, request, response, head.expected);
  }

  #limitRequest(
    stream: ServerHttp2Stream,
    request: StreamRequest,
    { unanswered }: StreamConnection,
  ): void {
    const late = () => request.complete || unanswered[0]?.refuse('stalled');
    const timer = setTimeout(late, this.#context.options.clientRequestMs);
    stream.once('close', () => clearTimeout(timer));
  }

  #closed(response: StreamResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size === 0) this.#rest();
    if (!response.writableFinished && !response.isCut) this.#spend('resets');
  }

  #rest(): void {
    if (this.#session.closed) return this.#endSoon();
    this.#idle = this.#limitIdle(this.#context.options.clientKeepAliveMs);
  }

  #limitIdle(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#close(), ms);
  }

  #close(): void {
    if (!this.#session.destroyed) this.#session.close();
    if (this.#streams.size === 0) this.#endSoon();
  }

  // Node waits for the client's end, for ever.
  #endSoon(): void {
    const { socket } = this.#carrier;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => socket.destroy(), this.#context.options.lingerMs);
  }

  #spend(kind: Kind): void {
    const session = this.#session;
    if (this.#budgets[kind].spend() || session.destroyed) return;
    this.#log(`HTTP/2: ${this.#carrier.peer} is let go: too many ${kind}`);
    session.destroy(new Error(`too many ${kind}`), NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
