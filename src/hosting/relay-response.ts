import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { defaults } from '../defaults.ts';
import { closeInSteps } from '../http/early-close.ts';
import type { ReadFirstSocket } from '../http/read-first-socket.ts';
import { quote } from '../text.ts';
import {
  endToEnd,
  isAmbiguous,
  isChunked,
  isOpenEnded,
  sendableTrailers,
} from './relay-headers.ts';

/** One request on its way to a program and back. */
export interface Passage {
  readonly incoming: IncomingMessage;
  readonly outgoing: ClientRequest;
  readonly response: ServerResponse;
  readonly log: (line: string) => void;
}

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
// How the body is framed is between each two; its length goes through where there is one.
const CODING = new Set(['transfer-encoding']);
const CODING_AND_TRAILER = new Set(['transfer-encoding', 'trailer']);

/** Passes the program's answer on. It may come before the request is in: then the rest is discarded. */
export function answerWith(answer: IncomingMessage, passage: Passage): void {
  const { outgoing, response } = passage;
  answer.on('error', () => {}); // `close` follows
  if (response.headersSent) return;
  if (isAmbiguous(answer.rawHeaders)) return refuseIt('the framing of its answer is ambiguous');
  const { statusCode = 0, statusMessage = '', rawHeaders } = answer;
  const mayHaveBody = hasBody(passage, statusCode);
  const late = mayHaveBody && isChunked(rawHeaders) && passage.incoming.httpVersion === '1.1';
  const isOpen = mayHaveBody && isOpenEnded(rawHeaders);
  response.sendDate = false;
  try {
    const lines = endToEnd(rawHeaders, late ? CODING : CODING_AND_TRAILER);
    response.writeHead(statusCode, statusMessage, lines);
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

export function whyNonsense({ code, message }: NodeJS.ErrnoException): string {
  if (code !== 'HPE_HEADER_OVERFLOW') return message;
  return `its head is over ${defaults.serverHeaderBytes / 1_024} KiB`;
}

function hasBody({ incoming }: Passage, status: number): boolean {
  return incoming.method !== 'HEAD' && status !== NO_CONTENT && status !== NOT_MODIFIED;
}

function wasReset({ socket }: ClientRequest): boolean {
  return (socket as ReadFirstSocket | null)?.wasReset ?? false;
}

// Whoever reads must see that it is not whole.
function cut({ incoming, response }: Passage): void {
  if (response.writableEnded) return;
  if (incoming.complete || incoming.destroyed || incoming.httpVersion === '1.0') response.destroy();
  else closeInSteps(incoming, defaults);
}
