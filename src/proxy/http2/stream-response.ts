import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { isBodyless } from '../../http/framing.ts';
import type { RequestMessage, ResponseMessage } from '../../http/messages.ts';

const { NGHTTP2_NO_ERROR } = constants;
const RESET_CONTENT = 205;
const CONTINUE = 100;

/** The answer on a stream, as one of HTTP/1. */
export class StreamResponse implements ResponseMessage {
  statusCode = 200;
  readonly #stream: ServerHttp2Stream;
  readonly #request: RequestMessage;
  #trailers: readonly [string, string][] = [];
  #hasBody = true;
  #waitsForTrailers = false;
  #ended = false;
  #aborted = false;
  /** The door could not finish it. */
  isCut = false;

  constructor(stream: ServerHttp2Stream, request: RequestMessage) {
    this.#stream = stream;
    this.#request = request;
    // Node then ends the stream itself, and would call the answer finished.
    stream.once('aborted', () => {
      this.#aborted = true;
    });
    stream.once('wantTrailers', () => {
      stream.sendTrailers(asFields(this.#trailers.flat()));
      this.#refuseRest();
    });
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get writableLength(): number {
    return this.#stream.writableLength;
  }

  /** Of all that was written what has not gone out, as far as node tells: by pieces. */
  get bytesLeft(): number {
    return this.#stream.bufferSize;
  }

  get writableEnded(): boolean {
    return this.#ended;
  }

  get writableFinished(): boolean {
    const { closed, rstCode, writableFinished } = this.#stream;
    if (!this.#ended || this.#aborted) return false;
    // A stream that has come to its end is closed before its last piece is called written. A client that
    // resets one without an error, whose answer is all here, looks the same: it wants no more of it.
    return writableFinished || (closed && rstCode === NGHTTP2_NO_ERROR);
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  writeHead(status: number, ...rest: [lines: string[]] | [phrase: string, lines: string[]]): void {
    this.statusCode = status;
    this.#hasBody =
      !isBodyless(status) && status !== RESET_CONTENT && this.#request.method !== 'HEAD';
    if (!this.#isOpen) return;
    const lines = rest.length === 1 ? rest[0] : rest[1];
    const fields = asFields(lines);
    // A 205 has no body, whatever length it gives: RFC 9110 §15.3.6.
    if (status === RESET_CONTENT) delete fields['content-length'];
    const waitForTrailers = this.#hasBody && fields['content-length'] === undefined;
    this.#waitsForTrailers = waitForTrailers;
    this.#stream.respond({ ':status': status, ...fields }, { waitForTrailers });
  }

  writeContinue(): void {
    this.writeInterim(CONTINUE, []);
  }

  writeInterim(status: number, lines: readonly string[]): void {
    if (!this.#isOpen || this.headersSent) return;
    this.#stream.additionalHeaders({ ':status': status, ...asFields(lines) });
  }

  write(piece: Buffer | string): boolean {
    return !this.#hasBody || !this.#isOpen || this.#stream.write(piece);
  }

  end(piece?: Buffer): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#isOpen) return;
    if (piece && this.#hasBody) this.#stream.end(piece);
    else this.#stream.end();
    if (this.#request.complete) return;
    this.#stream.resume();
    if (this.#stream.writableFinished) this.#refuseRest();
    else if (!this.#waitsForTrailers) this.#stream.once('finish', () => this.#refuseRest());
  }

  addTrailers(lines: [string, string][]): void {
    this.#trailers = lines;
  }

  destroy(): void {
    this.isCut = true;
    // Closed with a code, it would be ended first: to its client the answer would look whole.
    this.#stream.destroy(new Error('the answer broke off'));
  }

  once(event: 'close' | 'drain', listener: () => void): void {
    if (event === 'drain') {
      this.#stream.once(event, listener);
      return;
    }
    let told = false;
    const tell = () => {
      if (!told) listener();
      told = true;
    };
    this.#stream.once('close', tell);
    // It is closed only when what has come in is read, and nobody reads any more.
    this.#stream.once('aborted', () => process.nextTick(tell));
  }

  emit(event: 'drain'): void {
    this.#stream.emit(event);
  }

  // Behind its answer the client is told that the rest is not wanted: RFC 9113 §8.1. Closed in the
  // same turn, the stream would not be ended.
  #refuseRest(): void {
    if (this.#request.complete) return;
    setImmediate(() => this.#stream.close(NGHTTP2_NO_ERROR));
  }

  get #isOpen(): boolean {
    return !this.#stream.closed && !this.#stream.destroyed;
  }
}

/** What only HTTP/1 has: RFC 9113 §8.2.2. The rest of the kind is taken out of every answer. */
const OF_HTTP1: ReadonlySet<string> = new Set(['connection', 'http2-settings', 'trailer']);

/**
 * Header lines as node:http2 takes them. Those of one name become one, which says the same (RFC 9110
 * §5.3), but for cookies: node refuses many of them twice.
 */
function asFields(lines: readonly string[]): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = Object.create(null);
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at]?.toLowerCase() ?? '';
    const value = lines[at + 1] ?? '';
    const before = fields[name];
    if (OF_HTTP1.has(name)) continue;
    if (name === 'set-cookie') fields[name] = [...((before as string[] | undefined) ?? []), value];
    else fields[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return fields;
}
