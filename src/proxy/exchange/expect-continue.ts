import {
  type ClientRequest,
  type IncomingMessage,
  type InformationEvent,
  request,
} from 'node:http';
import { ReadFirstSocket } from '../../http/read-first-socket.ts';
import type { AttemptHandler } from '../upstream/pausable-connection.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Outgoing } from './context.ts';
import type { RequestBody } from './request-body.ts';

export interface Expectation {
  readonly maxHeaderBytes: number;
  /** How long the server may take to answer before it gets the body anyway. RFC 9110 §10.1.1. */
  readonly waitMs: number;
  /** Tells the client to send the body. */
  goAhead(): void;
}

type EndHandler = (error: Error | null, trailers: string[]) => void;

const nothing = () => {};

/**
 * Sends a request with `Expect: 100-continue` through node:http, which can wait for the server's
 * word; undici cannot. The handler is called as by undici. Each has a connection of its own.
 */
export function sendExpecting(
  upstream: Upstream,
  what: Outgoing,
  body: RequestBody | null,
  handler: AttemptHandler,
  expectation: Expectation,
): void {
  const socket = new ReadFirstSocket();
  const outgoing = request({
    createConnection: (_, use) => {
      upstream.connections.open(socket, (error) => {
        if (!error) connected();
        use(error, socket);
      });
      return undefined;
    },
    method: what.method,
    path: what.path,
    headers: headerLines(what),
    maxHeaderSize: expectation.maxHeaderBytes,
  });
  // Node would drop the lines beyond its own limit in silence.
  outgoing.maxHeadersCount = 0;
  let over = false;
  let answer: IncomingMessage | null = null;
  const end: EndHandler = once((error: Error | null, trailers: string[]) => {
    over = true;
    if (error) handler.onError?.(error);
    else handler.onComplete?.(trailers);
    outgoing.destroy();
    socket.destroy();
  });
  // The end of the connection does not matter to an answer that has come in whole.
  const fail = (error: Error) => answer?.complete || end(error, []);
  const abort = (error?: Error) => end(error ?? new Error('aborted'), []);
  const connected = () => {
    sendWhenTold(outgoing, body, expectation);
    handler.onConnect?.(abort);
  };
  // Node still parses the rest of the piece in which the reason for giving up came.
  outgoing.on('information', (interim) => over || passInterim(interim, handler));
  handler.attach({
    pause: () => answer?.pause(),
    resume: () => answer?.resume(),
    destroy: abort,
    finish: nothing,
    get wasReset() {
      return socket.wasReset;
    },
  });
  outgoing.on('response', (response) => {
    if (over) return;
    answer = response;
    passOn(response, handler, end);
  });
  outgoing.on('error', fail).on('close', () => fail(closedEarly()));
  outgoing.flushHeaders();
}

function headerLines({ lines, hasBody }: Outgoing): string[] {
  const isMeasured = lines.some((word, at) => at % 2 === 0 && word === 'content-length');
  const framing = hasBody && !isMeasured;
  return [
    ...lines,
    ...(framing ? ['transfer-encoding', 'chunked'] : []),
    ...['expect', '100-continue', 'connection', 'close'],
  ];
}

function sendWhenTold(
  outgoing: ClientRequest,
  body: RequestBody | null,
  { waitMs, goAhead }: Expectation,
): void {
  const start = once(() => {
    goAhead();
    if (body) body.pipe(outgoing);
    else outgoing.end();
  });
  const timer = setTimeout(start, waitMs);
  const stop = () => clearTimeout(timer);
  outgoing.once('continue', start).once('response', stop).once('close', stop);
}

function passInterim(
  { statusCode, statusMessage, rawHeaders }: InformationEvent,
  handler: AttemptHandler,
): void {
  handler.onHeaders?.(statusCode, latin1(rawHeaders), nothing, statusMessage);
}

function passOn(response: IncomingMessage, handler: AttemptHandler, end: EndHandler): void {
  const bytes = latin1(response.rawHeaders);
  handler.onResponseStarted?.();
  handler.onHeaders?.(response.statusCode ?? 0, bytes, nothing, response.statusMessage ?? '');
  response.on('data', (piece: Buffer) => handler.onData?.(piece));
  response.on('end', () => end(null, response.rawTrailers));
  response.on('error', (error) => end(error, []));
}

function latin1(lines: readonly string[]): Buffer[] {
  return lines.map((text) => Buffer.from(text, 'latin1'));
}

function closedEarly(): Error {
  return Object.assign(new Error('the connection ended'), { code: 'ECONNRESET' });
}

function once<Args extends unknown[]>(act: (...args: Args) => void): (...args: Args) => void {
  let done = false;
  return (...args) => {
    if (done) return;
    done = true;
    act(...args);
  };
}
