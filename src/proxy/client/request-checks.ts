import { LAST_PORT } from '../../address.ts';
import type { RequestMessage } from '../../http/messages.ts';
import { ALLOW, type OwnAnswer } from './own-response.ts';
import type { RequestHead } from './request-head.ts';

export interface RequestLimits {
  readonly maxHeaderLines: number;
}

/** Why the door does not pass a request on. Its connection is closed after the answer. */
export type Refusal = Pick<OwnAnswer, 'status' | 'text' | 'lines'>;

type Check = (head: RequestHead, request: RequestMessage, limits: RequestLimits) => Refusal | null;

/**
 * What node's parser lets through and two servers could understand in two ways, or not at all.
 * Everything else that is ambiguous never gets here: the parser refuses it with 400.
 */
const headChecks: readonly Check[] = [fewLines, oneHost, oneFraming, noLoop];

export function refusal(
  head: RequestHead,
  request: RequestMessage,
  limits: RequestLimits,
): Refusal | null {
  return lineRefusal(request) ?? headRefusal(head, request, limits);
}

/** What the request line alone gives away. */
export function lineRefusal(request: RequestMessage): Refusal | null {
  return spokenVersion(request) ?? passableMethod(request) ?? readableTarget(request);
}

/** What the header lines give away. */
export function headRefusal(
  head: RequestHead,
  request: RequestMessage,
  limits: RequestLimits,
): Refusal | null {
  for (const check of headChecks) {
    const found = check(head, request, limits);
    if (found) return found;
  }
  return null;
}

const bad = (text: string): Refusal => ({ status: 400, text });

// Over HTTP/1 nobody can say `2`.
const SPOKEN: ReadonlySet<string> = new Set(['1.0', '1.1', '2']);

function spokenVersion({ httpVersion }: RequestMessage): Refusal | null {
  if (SPOKEN.has(httpVersion)) return null;
  return { status: 505, text: 'HTTP version not supported' };
}

function passableMethod({ method }: RequestMessage): Refusal | null {
  if (method !== 'TRACE' && method !== 'CONNECT') return null;
  return notPassed(method);
}

/** The answer to a method that is not passed on. */
export function notPassed(method: 'TRACE' | 'CONNECT'): Refusal {
  return { status: 405, text: `${method} is not passed on`, lines: ALLOW };
}

function readableTarget({ url = '' }: RequestMessage): Refusal | null {
  if (url.charCodeAt(0) !== 0x2f) return bad('the request target is not a path');
  return url.includes('#') ? bad('the request target has a fragment') : null;
}

function fewLines(
  head: RequestHead,
  _request: RequestMessage,
  { maxHeaderLines }: RequestLimits,
): Refusal | null {
  if (head.lines <= maxHeaderLines) return null;
  return { status: 431, text: `more than ${maxHeaderLines} header lines` };
}

function oneHost(head: RequestHead, { httpVersion }: RequestMessage): Refusal | null {
  if (head.hosts === 0 && httpVersion === '1.0') return null;
  if (head.hosts !== 1) return bad('a request has one Host');
  return isHost(head.host) ? null : bad('the Host is not a host');
}

const CODING = /^[\w!#$%&'*+.^`|~-]+(?:[\t ]*;[\t ]*[\w!#$%&'*+.^`|~-]+=[\w!#$%&'*+.^`|~-]+)*$/;
// Withdrawn by RFC 9112 §12.3; some servers still read it as no coding at all.
const CHUNKED = 'chunked';
const WITHDRAWN = 'identity';

// RFC 9112 §6.1, §6.3: exactly one length, or exactly one chunked, never both.
function oneFraming(head: RequestHead, { httpVersion }: RequestMessage): Refusal | null {
  const { lengths, codings } = head;
  if (lengths === 0 && codings === 0) return null;
  if (lengths + codings > 1) return bad('the length of the body is given twice');
  if (lengths === 1) return /^\d{1,15}$/.test(head.length) ? null : bad('bad Content-Length');
  if (httpVersion === '1.0') return bad('Transfer-Encoding is not of this version of HTTP');
  return head.coding.toLowerCase() === CHUNKED ? null : wrongCoding(head.coding);
}

// RFC 9112 §6.1: what is not understood is a 501. But where chunked is not the last, or stands there
// twice, two readers could find two lengths: §6.3.
function wrongCoding(list: string): Refusal {
  const codings = list.split(',').map((coding) => coding.trim().toLowerCase());
  const ambiguous = codings.some((coding, at) => {
    if (!CODING.test(coding) || coding === WITHDRAWN) return true;
    return /^chunked(?:$|[;\t ])/.test(coding) && (coding !== CHUNKED || at < codings.length - 1);
  });
  if (ambiguous) return bad('bad Transfer-Encoding');
  return { status: 501, text: 'this transfer coding is not known here' };
}

function noLoop({ looped }: RequestHead): Refusal | null {
  return looped ? { status: 508, text: 'this request has been through a door already' } : null;
}

const HOST = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._~!$&'()*+;=%-]{1,255})(?::(\d{0,5}))?$/;

/** Whether a text may stand as Host: a name or an address, and a port that can exist. */
export function isHost(host: string): boolean {
  const match = HOST.exec(host);
  return match !== null && Number(match[1] ?? 0) <= LAST_PORT;
}

/**
 * Turns `http://other:81/p` into `/p` with Host `other:81`: the host of an absolute target counts,
 * not the line. RFC 9112 §3.2.2. What is not whole stays as it is, to be refused.
 * @param secure over TLS, where the scheme is https
 */
export function takeAbsolute(request: RequestMessage, head: RequestHead, secure: boolean): void {
  if (request.url?.charCodeAt(0) === 0x2f || head.hosts !== 1) return;
  const match = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(request.url ?? '');
  const [, scheme = '', host = '', rest = ''] = match ?? [];
  if (scheme.toLowerCase() !== (secure ? 'https' : 'http') || !isHost(host)) return;
  // RFC 9112 §3.2.4: with nothing behind the host, OPTIONS asks the server as a whole.
  if (rest === '' && request.method === 'OPTIONS') request.url = '*';
  else request.url = rest.startsWith('/') ? rest : `/${rest}`;
  head.host = host;
}

const NUMBER = /^\d+$/;

/**
 * An OPTIONS request may say how many hops it goes: RFC 9110 §7.6.2. Gives the lines for the next,
 * others than those that came: they may be of use for the next request of the connection.
 */
export function oneHopLess(lines: string[]): string[] | 'last hop' | 'no number' {
  const ats = lines.flatMap((name, at) => (at % 2 === 0 && isMaxForwards(name) ? [at + 1] : []));
  const [at] = ats;
  if (at === undefined) return lines;
  const value = lines[at] ?? '';
  if (ats.length > 1 || !NUMBER.test(value)) return 'no number';
  if (Number(value) === 0) return 'last hop';
  return lines.with(at, String(Math.min(Number(value) - 1, Number.MAX_SAFE_INTEGER)));
}

function isMaxForwards(name: string): boolean {
  return name.length === 'max-forwards'.length && name.toLowerCase() === 'max-forwards';
}
