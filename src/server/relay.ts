import {
  Agent,
  type IncomingMessage,
  type InformationEvent,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { defaults } from '../config.ts';
import { interimHead, isForClient, sendInterim } from '../interim.ts';
import { tunnel } from './tunnel.ts';

/** Passes what comes to our port on to a program at another one. */
export interface Relay {
  request(incoming: IncomingMessage, response: ServerResponse): void;
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}

/** What belongs to one connection, not to the request: RFC 9110 §7.6.1. We speak for ourselves. */
const OWN = new Set(['connection', 'keep-alive', 'proxy-connection', 'expect']);
const FRAMED = new Set(['content-length', 'transfer-encoding']);
const BODYLESS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** @param address where the program answers, once that is known */
export function createRelay(address: () => { host: string; port: number }): Relay {
  const agent = new Agent({ keepAlive: true });

  // A connection that was used before may be closed by the program at this very moment. So only what
  // can be sent again goes over one; all else gets a fresh one.
  const pass = (incoming: IncomingMessage, response: ServerResponse, again: boolean) => {
    const safe = isSafe(incoming);
    const reused = safe && !again ? agent : false;
    const outgoing = request({ ...target(incoming, address()), agent: reused });
    // Node would drop the lines beyond its own limit in silence.
    outgoing.maxHeadersCount = 0;
    const leave = () => outgoing.destroy();
    response.once('close', leave);
    let interim = 0;
    outgoing.on('information', (answer) => {
      interim += 1;
      if (interim > defaults.maxInterimAnswers) outgoing.destroy();
      else passInterim(answer, incoming, response);
    });
    outgoing.once('response', (answer) => answerWith(answer, response));
    outgoing.on('error', () => {}); // `close` follows
    outgoing.once('close', () => {
      response.off('close', leave);
      if (response.headersSent || response.destroyed) return;
      if (reused && outgoing.reusedSocket && interim === 0) pass(incoming, response, true);
      else breakOff(response);
    });
    if (safe) outgoing.end();
    else incoming.pipe(outgoing);
  };

  return {
    request: (incoming, response) => pass(incoming, response, false),
    upgrade: (incoming, socket, head) => tunnel(incoming, socket, head, address()),
    close: () => agent.destroy(),
  };
}

function isSafe({ method = '', headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return false;
  return (method === 'GET' || method === 'HEAD') && Number(headers['content-length'] ?? 0) === 0;
}

function target(
  incoming: IncomingMessage,
  address: { host: string; port: number },
): RequestOptions {
  const { method = 'GET', url = '/', rawHeaders } = incoming;
  const headers = without(rawHeaders, OWN);
  // Otherwise Node would frame an empty body in chunks, which not every program reads.
  if (!BODYLESS.has(method) && !isFramed(rawHeaders)) headers.push('Content-Length', '0');
  return { ...address, method, path: url, headers, maxHeaderSize: defaults.serverHeaderBytes };
}

function answerWith(answer: IncomingMessage, response: ServerResponse): void {
  const { statusCode = 502, statusMessage = '', rawHeaders } = answer;
  response.sendDate = false;
  // How the body is framed is between each two; its length goes through where there is one.
  const headers = without(rawHeaders, new Set([...OWN, 'transfer-encoding']));
  try {
    response.writeHead(statusCode, statusMessage, headers);
  } catch {
    return breakOff(response); // an answer that may not be sent, such as status 099
  }
  answer.on('error', () => {}); // `close` follows
  answer.once('close', () => answer.complete || response.destroy());
  answer.pipe(response);
}

function passInterim(
  { statusCode, statusMessage, rawHeaders }: InformationEvent,
  { httpVersion }: IncomingMessage,
  response: ServerResponse,
): void {
  if (!isForClient(statusCode, httpVersion)) return;
  const lines = without(rawHeaders, new Set([...OWN, ...FRAMED]));
  sendInterim(response, interimHead(statusCode, statusMessage, lines));
}

/** A door then treats us as the broken server that we are. */
function breakOff(response: ServerResponse): void {
  response.socket?.destroy();
}

function isFramed(rawHeaders: readonly string[]): boolean {
  return rawHeaders.some((name, at) => at % 2 === 0 && FRAMED.has(name.toLowerCase()));
}

function without(rawHeaders: readonly string[], names: ReadonlySet<string>): string[] {
  return rawHeaders.filter((_, at) => !names.has((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
}
