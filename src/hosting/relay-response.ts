import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { closeInSteps, type LingerLimits } from '../http/early-close.ts';
import { mayHaveBody, mayHaveLength } from '../http/framing.ts';
import { sendableTrailers } from '../http/hop-by-hop.ts';
import type { ReadFirstSocket } from '../http/read-first-socket.ts';
import { quote } from '../text.ts';
import { endToEnd, hasAmbiguousFraming, isChunked, isUnframed } from './relay-headers.ts';

export interface AnswerLimits extends LingerLimits {
  /** The most that a head may have. */
  readonly serverHeaderBytes: number;
}

/** One request on its way to a program and back. */
export interface Passage {
  readonly incoming: IncomingMessage;
  readonly outgoing: ClientRequest;
  readonly response: ServerResponse;
  readonly limits: AnswerLimits;
  readonly log: (line: string) => void;
}

const LENGTH: ReadonlySet<string> = new Set(['content-length']);
const TRAILER: ReadonlySet<string> = new Set(['trailer']);

/** Passes the program's answer on. It may come before the request is in: then the rest is discarded. */
export function answerWith(answer: IncomingMessage, passage: Passage): void {
  const { outgoing, response } = passage;
  answer.on('error', () => {}); // `close` follows
  if (response.headersSent) return;
  const { statusCode = 0, statusMessage = '', rawHeaders } = answer;
  if (hasAmbiguousFraming(rawHeaders)) return refuseIt('the framing of its answer is ambiguous');
  const { method, httpVersion } = passage.incoming;
  const hasBody = mayHaveBody(method, statusCode);
  const late = hasBody && isChunked(rawHeaders) && httpVersion === '1.1';
  const isOpen = hasBody && isUnframed(rawHeaders);
  response.sendDate = false;
  try {
    response.writeHead(statusCode, statusMessage, answerLines(rawHeaders, statusCode, late));
  } catch {
    return refuseIt(`its answer may not be passed on: status ${statusCode}`);
  }
  const isWhole = () => answer.complete && !(isOpen && wasReset(outgoing));
  answer.once('close', () => isWhole() || cut(passage));
  answer.once('end', () => {
    if (!isWhole()) return;
    if (late) response.addTrailers(sendableTrailers(answer.rawTrailers));
    response.end();
  });
  answer.pipe(response, { end: false });

  function refuseIt(why: string) {
    outgoing.destroy();
    refuse(passage, why);
  }
}

/** The program's fault, not that of our connection: another server would not know better. */
export function refuse({ incoming, response, log }: Passage, why: string): void {
  if (response.headersSent || response.destroyed) return;
  log(`502 for ${incoming.method} ${quote(incoming.url ?? '')}: the program is at fault: ${why}`);
  const text = `the program's answer makes no sense: ${why}\n`;
  response.sendDate = true;
  response.writeHead(502, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

export function isNonsense({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('HPE_') ?? false;
}

export function whyNonsense(
  { code, message }: NodeJS.ErrnoException,
  { serverHeaderBytes }: AnswerLimits,
): string {
  if (code !== 'HPE_HEADER_OVERFLOW') return message;
  return `its head is over ${serverHeaderBytes / 1_024} KiB`;
}

// How the body is framed is between each two; its length goes through where there is one.
function answerLines(raw: readonly string[], status: number, late: boolean): string[] {
  return endToEnd(raw, {
    ...(mayHaveLength(status) ? {} : { drop: LENGTH }),
    ...(late ? { keep: TRAILER } : {}),
  });
}

function wasReset({ socket }: ClientRequest): boolean {
  return (socket as ReadFirstSocket | null)?.wasReset ?? false;
}

// The client must see that the answer is not whole.
function cut({ incoming, response, limits }: Passage): void {
  if (response.writableEnded) return;
  if (incoming.complete || incoming.destroyed || incoming.httpVersion === '1.0') response.destroy();
  else closeInSteps(incoming, limits);
}
