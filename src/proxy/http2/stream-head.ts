import { METHODS } from 'node:http';
import { tooLarge } from '../client/own-response.ts';
import { notPassed, type Refusal } from '../client/request-checks.ts';
import type { Expected } from '../exchange/receive.ts';

/** The head of a stream, as one of HTTP/1 would be. */
export interface StreamHead {
  readonly method: string;
  readonly path: string;
  /** name, value, name, value… */
  readonly lines: string[];
  readonly accept: string;
  readonly expected: Expected;
  /** Why it is not passed on. */
  readonly refused: Refusal | null;
}

interface HeadLimits {
  readonly maxHeaderBytes: number;
}

/** What a line takes besides its name and value: in HTTP/1 `: ` and its end. */
const LINE_BYTES = 4;
const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS);
// What Node lets through: bytes beyond ASCII too, as in HTTP/1.
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;
const OF_WEBSOCKET: ReadonlySet<string> = new Set(['sec-websocket-key', 'sec-websocket-version']);

/**
 * Makes one of HTTP/1 of it, RFC 9113 §8.3 and §8.2.3. Names in upper case, pseudo-headers that are
 * unknown, late or there twice, lines of a connection (§8.2.2), bytes that no line may have and a
 * body unlike its Content-Length never get here: Node's library refuses them, or leaves them out. The
 * checks of HTTP/1 come behind this one.
 */
export function readStreamHead(
  raw: readonly string[],
  hasBody: boolean,
  limits: HeadLimits,
): StreamHead {
  const taken = new TakenHead(raw, hasBody);
  const { method, path, lines, accept } = taken;
  const refused = refusal(taken, limits);
  return { method, path, lines, accept, expected: expected(taken.expect), refused };
}

class TakenHead {
  readonly lines: string[] = [];
  method = '';
  path = '';
  scheme = '';
  authority: string | null = null;
  accept = '';
  expect: string | null = null;
  bytes = 0;
  asksForWebSocket = false;
  /** Its Host is there twice, or is another than its authority. */
  isAmbiguous = false;
  #host: string | null = null;
  #cookies = '';
  #isMeasured = false;

  constructor(raw: readonly string[], hasBody: boolean) {
    for (let at = 0; at < raw.length; at += 2) this.#take(raw[at] ?? '', raw[at + 1] ?? '');
    const host = this.authority ?? this.#host;
    if (host !== null) this.lines.unshift('host', host);
    // §8.2.3: what was taken apart to be compressed is put together again.
    if (this.#cookies !== '') this.lines.push('cookie', this.#cookies);
    if (hasBody && !this.#isMeasured) this.lines.push('transfer-encoding', 'chunked');
    this.isAmbiguous ||= !isSame(this.authority, this.#host);
  }

  #take(name: string, value: string): void {
    this.bytes += name.length + value.length + LINE_BYTES;
    switch (name) {
      case ':method':
        this.method = value;
        return;
      case ':path':
        this.path = value;
        return;
      case ':scheme':
        this.scheme = value;
        return;
      case ':authority':
        this.authority = value;
        return;
      case 'host':
        this.isAmbiguous ||= this.#host !== null;
        this.#host = value;
        return;
      case 'cookie':
        this.#cookies += this.#cookies === '' ? value : `; ${value}`;
        return;
      default:
        this.#takeLine(name, value);
    }
  }

  #takeLine(name: string, value: string): void {
    if (name === 'accept') this.accept = value;
    else if (name === 'expect') this.expect = value;
    else if (name === 'content-length') this.#isMeasured = true;
    else if (OF_WEBSOCKET.has(name)) this.asksForWebSocket = true;
    this.lines.push(name, value);
  }
}

// §8.3.1: a host that is given twice is the same, whatever its case.
function isSame(authority: string | null, host: string | null): boolean {
  if (authority === null || host === null) return true;
  return authority.toLowerCase() === host.toLowerCase();
}

function expected(expect: string | null): Expected {
  if (expect === null) return 'nothing';
  return expect.toLowerCase() === '100-continue' ? 'continue' : 'more';
}

const bad = (text: string): Refusal => ({ status: 400, text });

function refusal(head: TakenHead, { maxHeaderBytes }: HeadLimits): Refusal | null {
  const { method, path, scheme } = head;
  if (method === 'CONNECT') return notPassed('CONNECT');
  if (!METHOD_NAMES.has(method)) return { status: 501, text: 'this method is not known here' };
  if (path.length > maxHeaderBytes) return tooLarge.target;
  if (head.bytes > maxHeaderBytes) return tooLarge.lines;
  if (!TARGET.test(path) && !(path === '*' && method === 'OPTIONS'))
    return bad('the request target is not a path');
  if (scheme !== 'https' && scheme !== 'http') return bad('the scheme is not https');
  if (head.isAmbiguous) return bad('a request has one Host');
  return head.asksForWebSocket ? noWebSocket : null;
}

/** RFC 8441 §3 and §5.1: nobody was told that they go this way. */
const noWebSocket: Refusal = {
  status: 501,
  text: 'a WebSocket is opened over HTTP/1.1: HTTP/2 has no Upgrade',
};
