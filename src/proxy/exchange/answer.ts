import { closeInSteps } from '../../http/early-close.ts';
import { isBodyless, mayHaveBody } from '../../http/framing.ts';
import { sendableTrailers } from '../../http/hop-by-hop.ts';
import { endAnswer } from '../client/own-response.ts';
import type { FlowControl } from '../upstream/pausable-connection.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Client } from './client.ts';
import { endsStreams } from './context.ts';
import { EventEnd } from './event-end.ts';
import { type ResponseHead, statusText } from './response-head.ts';

/** How much of an answer may wait here for a client that reads slowly. */
const MAX_BUFFERED_BYTES = 128 * 1_024;

export interface AnswerSource {
  readonly upstream: Upstream;
  readonly flow: FlowControl | null;
  /** The client has read enough to go on. */
  onDrained(): void;
}

/** A server's answer on its way to the client, from its head on. */
export class Answer {
  readonly isStream: boolean;
  readonly #client: Client;
  readonly #source: AnswerSource;
  /** It ends with its connection. */
  readonly #isOpenEnded: boolean;
  /** Finds the ends of events, in an event stream without a length. */
  readonly #events: EventEnd | null;
  /** Bytes still to come by its Content-Length; negative without one. */
  #missing: number;
  #paused = false;

  /** Sends the head. */
  constructor(
    client: Client,
    source: AnswerSource,
    head: ResponseHead,
    status: number,
    reasonPhrase: string,
  ) {
    const { context, connection, request, response, outgoing } = client;
    const hasBody = mayHaveBody(outgoing.method, status);
    const serverId = source.upstream.id;
    const last = context.closing || !request.complete;
    connection.isLast = last;
    const trailersPossible = request.httpVersion !== '1.0' && hasBody;
    const { hsts } = connection;
    const lines = head.finish({ serverId, trailersPossible, last, hsts });
    if (outgoing.affinity) context.sticky?.mark(lines, serverId, outgoing.affinity);
    response.writeHead(status, statusText(status, reasonPhrase), lines);
    this.#client = client;
    this.#source = source;
    this.isStream = head.isStream;
    this.#missing = head.length;
    this.#isOpenEnded = head.isOpenEnded && hasBody;
    this.#events = head.isStream && head.length < 0 ? new EventEnd() : null;
    if (head.isStream) countOpen(source.upstream, response);
  }

  /** Who holds up the answer when nothing of it moves: the client, or the server. */
  get delay(): string {
    return this.#paused ? 'the client reads no more' : 'the answer stands still';
  }

  /** @returns whether it has ended with this piece, although its server would go on */
  write(piece: Buffer): boolean {
    const { request, response } = this.#client;
    const end = this.#events?.take(piece) ?? null;
    if (end !== null) {
      response.end(piece.subarray(0, end));
      return true;
    }
    // The last piece, mostly the only one: 1 of 28 µs less than a write and an end.
    if (piece.length === this.#missing && request.complete) {
      response.end(piece);
      return false;
    }
    this.#missing -= piece.length;
    if (!response.write(piece) && !this.#paused) this.#pauseIfSlow();
    return false;
  }

  /** @returns whether it has been ended between two events, as its server leaves */
  endIfLeaving(nowMs: number): boolean {
    const { context, response } = this.#client;
    if (!this.#events || !endsStreams(context, this.#source.upstream)) return false;
    if (!this.#events.soon(nowMs, context.options.upgradeCloseMs)) return false;
    response.end();
    return true;
  }

  /** Its server has ended it. @returns false if it may not be whole */
  end(trailers: string[] | null): boolean {
    const { context, connection, request, response } = this.#client;
    if (this.#isOpenEnded && this.#source.flow?.wasReset) return false;
    if (trailers?.length) response.addTrailers(sendableTrailers(trailers));
    endAnswer(connection, request, response, context.options);
    return true;
  }

  /** It broke off. 204 and 304 have no body, whatever length they give; undici waits for one. */
  breakOff(why: string): void {
    const { response } = this.#client;
    if (isBodyless(response.statusCode)) response.end();
    else this.cut(why);
  }

  /** The client must see that the answer is not whole; an HTTP/1.0 client only sees a reset. */
  cut(why: string): void {
    const { context, connection, request, response } = this.#client;
    this.#client.remark(why);
    if (request.httpVersion === '1.0') reset(connection);
    else if (connection.isStream || request.complete) response.destroy();
    else closeInSteps(request, context.options);
  }

  // Node's own limit is one piece: every answer of two pieces would pause the server's socket.
  #pauseIfSlow(): void {
    const { response } = this.#client;
    if (response.writableLength < MAX_BUFFERED_BYTES) return;
    this.#paused = true;
    this.#source.flow?.pause();
    response.once('drain', () => {
      this.#paused = false;
      this.#source.onDrained();
    });
  }
}

// Over TLS the end that was not announced is enough (RFC 8446 §6.1), and node resets only plain sockets.
function reset({ secure, socket }: Client['connection']): void {
  if (secure) socket.destroy();
  else socket.resetAndDestroy();
}

function countOpen({ tally }: Upstream, response: Client['response']): void {
  tally.streams += 1;
  response.once('close', () => {
    tally.streams -= 1;
  });
}
