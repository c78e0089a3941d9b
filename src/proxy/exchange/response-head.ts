import { STATUS_CODES } from 'node:http';
import { isAmbiguous, mayHaveLength } from '../../http/framing.ts';
import { dropNamed, latin1 } from '../../http/hop-by-hop.ts';

/** Node's, of answers over HTTP/2. */
const LAST_OF_HTTP2 = 599;

/** What the client's side of the exchange allows. */
export interface ClientSide {
  readonly serverId: string;
  /** The client can be sent trailers: HTTP/1.1, and an answer with a body. */
  readonly trailersPossible: boolean;
  /** This is the last answer on the client's connection. */
  readonly last: boolean;
  /** The value of Strict-Transport-Security; null for none. */
  readonly hsts?: string | null;
}

/** An answer's header lines on their way to the client: RFC 9110 §7.6.1. */
export class ResponseHead {
  /** name, value, name, value… as node's writeHead takes them. */
  readonly lines: string[] = [];
  isStream = false;
  /** Its Content-Length; -1 without one. */
  length = -1;
  #lengths = 0;
  #codings = 0;
  #coding = '';
  #connection = '';
  #trailer = '';

  constructor(status: number, raw: readonly (Buffer | string)[]) {
    for (let at = 0; at < raw.length; at += 2)
      this.#take(status, latin1(raw[at]), latin1(raw[at + 1]));
    if (this.#connection !== '') dropNamed(this.lines, this.#connection);
  }

  /** Framing that two readers could understand in two ways is never passed on. */
  get ambiguous(): boolean {
    return isAmbiguous(this.#lengths, this.#codings, this.#coding);
  }

  /** Why a client of that version gets none of it; null where it does. Node throws at what HTTP/2 has not. */
  unfitFor(httpVersion: string, status: number): string | null {
    if (this.ambiguous) return 'the framing of its answer is ambiguous';
    const isUnknown = httpVersion === '2' && status > LAST_OF_HTTP2;
    return isUnknown ? `HTTP/2 has no status ${status}` : null;
  }

  /** It ends with its connection. RFC 9112 §6.3, 8. */
  get isOpenEnded(): boolean {
    return this.#codings + this.#lengths === 0;
  }

  /** Adds the door's own lines. */
  finish(client: ClientSide): string[] {
    const { lines } = this;
    if (this.#trailer !== '' && this.#codings > 0 && client.trailersPossible) {
      lines.push('Trailer', this.#trailer);
    }
    lines.push('X-Served-By', client.serverId);
    if (client.last) lines.push('Connection', 'close');
    if (client.hsts && !lines.some(isHsts)) {
      lines.push('Strict-Transport-Security', client.hsts);
    }
    return lines;
  }

  // A switch is the fastest here; test/http/reverse-proxy.test.ts checks it against HOP_BY_HOP.
  #take(status: number, name: string, value: string): void {
    switch (name.toLowerCase()) {
      case 'transfer-encoding':
        this.#codings += 1;
        this.#coding = value;
        return;
      case 'connection':
        if (value === 'keep-alive' || value === 'close') return; // names nothing
        this.#connection += `,${value}`;
        return;
      case 'trailer':
        this.#trailer = value;
        return;
      case 'keep-alive':
      case 'proxy-authenticate':
      case 'proxy-connection':
      case 'te':
      case 'upgrade':
      case 'x-served-by':
        return;
      case 'content-length':
        this.#lengths += 1;
        this.length = Number(value);
        if (!mayHaveLength(status)) return;
        break;
      case 'content-type':
        this.isStream = /^text\/event-stream\b/i.test(value);
    }
    this.lines.push(name, value);
  }
}

/** The server's own reason phrase, unless it cannot stand in an HTTP head. */
export function statusText(status: number, reasonPhrase: string): string {
  const usual = STATUS_CODES[status] ?? '';
  return reasonPhrase === usual || !/^[\t\x20-\x7e]*$/.test(reasonPhrase) ? usual : reasonPhrase;
}

// A server that says it itself knows better.
function isHsts(word: string, at: number): boolean {
  return at % 2 === 0 && word.toLowerCase() === 'strict-transport-security';
}

/** The lines of an interim answer (1xx) on its way to the client: the same rules for them. */
export function interimLines(
  status: number,
  raw: readonly (Buffer | string)[],
  serverId: string,
): string[] {
  const client = { serverId, trailersPossible: false, last: false };
  return new ResponseHead(status, raw).finish(client);
}
