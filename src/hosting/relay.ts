import {
  type ClientRequest,
  type IncomingMessage,
  type InformationEvent,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { readOn } from '../http/early-close.ts';
import { sendableTrailers } from '../http/hop-by-hop.ts';
import { interimHead, isForClient, sendInterim } from '../http/interim.ts';
import { endToEnd, isChunked, isUnframed } from './relay-headers.ts';
import {
  type AnswerLimits,
  answerWith,
  isNonsense,
  type Passage,
  refuse,
  whyNonsense,
} from './relay-response.ts';
import { RelayAgent } from './relay-socket.ts';
import { type TunnelLimits, tunnel } from './tunnel.ts';

export interface RelayLimits extends AnswerLimits, TunnelLimits {
  /** 1xx answers to one request. */
  readonly maxInterimAnswers: number;
}

/** Passes what comes to our port on to a program at another one. */
export interface Relay {
  request(incoming: IncomingMessage, response: ServerResponse): void;
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

const BODYLESS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);
const EXPECT: ReadonlySet<string> = new Set(['expect']);
const LENGTH: ReadonlySet<string> = new Set(['content-length']);
// A body in chunks is sent in chunks.
const CHUNKED: ReadonlySet<string> = new Set(['transfer-encoding', 'trailer']);

/**
 * @param address where the program answers, once that is known
 * @param log gets a line for each answer that makes no sense
 */
export function createRelay(
  address: () => { host: string; port: number },
  limits: RelayLimits,
  log: (line: string) => void = () => {},
): Relay {
  const keeping = new RelayAgent({ keepAlive: true });
  const closing = new RelayAgent({ keepAlive: false });
  const heads = { maxHeaderSize: limits.serverHeaderBytes };

  const pass = (incoming: IncomingMessage, response: ServerResponse, again: boolean) => {
    const kept = !again && isRepeatable(incoming);
    const agent = kept ? keeping : closing;
    const outgoing = request({ ...target(incoming, address()), agent, ...heads });
    // Node would drop the lines beyond its own limit in silence.
    outgoing.maxHeadersCount = 0;
    const leave = () => outgoing.destroy();
    response.once('close', leave);
    const passage = { incoming, outgoing, response, limits, log };
    let trouble: Error | null = null;
    const interims = passInterims(passage, limits.maxInterimAnswers);
    outgoing.once('response', (answer) => answerWith(answer, passage));
    outgoing.once('upgrade', (_, socket) => {
      socket.destroy();
      refuse(passage, 'nobody asked for its status 101');
    });
    outgoing.on('error', (error) => {
      trouble ??= error; // `close` follows
    });
    outgoing.once('close', () => {
      response.off('close', leave);
      if (response.headersSent || response.destroyed) return readOn(incoming);
      if (trouble && isNonsense(trouble)) return refuse(passage, whyNonsense(trouble, limits));
      if (kept && outgoing.reusedSocket && interims() === 0) pass(incoming, response, true);
      else breakOff(response);
    });
    send(incoming, outgoing);
  };

  return {
    request: (incoming, response) => pass(incoming, response, false),
    upgrade: (incoming, socket, head) => tunnel(incoming, socket, head, address(), limits),
    close: () => keeping.destroy(),
  };
}

/**
 * The program may close a kept connection at any moment, so only requests that can be repeated use
 * one; all others get a connection of their own. So does HEAD, as some programs send a body with it.
 */
function isRepeatable({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || headers['transfer-encoding'] !== undefined) return false;
  return Number(headers['content-length'] ?? 0) === 0;
}

function target(
  incoming: IncomingMessage,
  address: { host: string; port: number },
): RequestOptions {
  const { method = 'GET', url = '/', rawHeaders } = incoming;
  const keep = isChunked(rawHeaders) ? { keep: CHUNKED } : {};
  const headers = endToEnd(rawHeaders, { drop: EXPECT, ...keep });
  // Otherwise Node would frame an empty body in chunks, which not every program reads.
  if (!BODYLESS.has(method) && isUnframed(rawHeaders)) headers.push('Content-Length', '0');
  return { ...address, method, path: url, headers };
}

function send(incoming: IncomingMessage, outgoing: ClientRequest): void {
  incoming.pipe(outgoing, { end: false });
  incoming.once('end', () => {
    if (outgoing.destroyed) return;
    if (incoming.rawTrailers.length > 0)
      outgoing.addTrailers(sendableTrailers(incoming.rawTrailers));
    outgoing.end();
  });
}

/** @returns how many have come */
function passInterims(passage: Passage, most: number): () => number {
  const { incoming, outgoing, response } = passage;
  let count = 0;
  outgoing.on('information', (answer) => {
    count += 1;
    if (count <= most) return passInterim(answer, incoming, response);
    outgoing.destroy();
    refuse(passage, 'its 1xx answers have no end');
  });
  return () => count;
}

function passInterim(
  { statusCode, statusMessage, rawHeaders }: InformationEvent,
  { httpVersion }: IncomingMessage,
  response: ServerResponse,
): void {
  if (!isForClient(statusCode, httpVersion)) return;
  sendInterim(
    response,
    interimHead(statusCode, statusMessage, endToEnd(rawHeaders, { drop: LENGTH })),
  );
}

/** So a door sees a connection that broke, and may try another server. */
function breakOff(response: ServerResponse): void {
  response.socket?.destroy();
}
