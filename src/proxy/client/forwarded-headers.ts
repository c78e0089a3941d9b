import type { RequestHead } from './request-head.ts';

/** Where a request came from, and what the door calls it. */
export interface Provenance {
  /** Address of the peer, without the IPv6 wrapping of an IPv4 address. */
  readonly peer: string;
  /** The peer is on the list of proxies whose X-Forwarded-* are believed. */
  readonly trusted: boolean;
  /** It came over TLS. */
  readonly secure: boolean;
  /** The door's name in Via: `meow-<door id>`. */
  readonly door: string;
  readonly httpVersion: string;
  /** The same for every attempt of one request, and never the client's. */
  readonly attempt: string;
}

type Pass = (lines: string[], head: RequestHead, from: Provenance) => void;

/** What goes to the server besides the end-to-end lines, in this order. */
const requestPasses: readonly Pass[] = [
  keepHost,
  keepLength,
  addForwardedFor,
  setForwardedProto,
  setForwardedHost,
  setRequestId,
  setAttempt,
  addVia,
];

/** A client's word for its request, where that is kept. */
export const SANE_ID = /^[A-Za-z0-9._~:+/=@-]{1,128}$/;

/** The header lines for the server: name, value, name, value… */
export function requestLines(head: RequestHead, from: Provenance): string[] {
  const lines = head.passed;
  for (const pass of requestPasses) pass(lines, head, from);
  return lines;
}

function keepHost(lines: string[], head: RequestHead): void {
  if (head.host !== '') lines.push('host', head.host);
}

function keepLength(lines: string[], head: RequestHead): void {
  if (head.lengths > 0) lines.push('content-length', head.length);
}

function addForwardedFor(lines: string[], head: RequestHead, { peer, trusted }: Provenance): void {
  const before = trusted && head.forwardedFor !== '' ? `${head.forwardedFor}, ` : '';
  lines.push('x-forwarded-for', before + peer);
}

function setForwardedProto(
  lines: string[],
  head: RequestHead,
  { trusted, secure }: Provenance,
): void {
  const proto = secure ? 'https' : 'http';
  lines.push('x-forwarded-proto', (trusted && head.forwardedProto) || proto);
}

function setForwardedHost(lines: string[], head: RequestHead, { trusted }: Provenance): void {
  const host = (trusted && head.forwardedHost) || head.host;
  if (host !== '') lines.push('x-forwarded-host', host);
}

function setRequestId(lines: string[], head: RequestHead, { attempt }: Provenance): void {
  lines.push('x-request-id', SANE_ID.test(head.requestId) ? head.requestId : attempt);
}

function setAttempt(lines: string[], _head: RequestHead, { attempt }: Provenance): void {
  lines.push('meow-attempt', attempt);
}

function addVia(lines: string[], _head: RequestHead, { door, httpVersion }: Provenance): void {
  lines.push('via', `${httpVersion} ${door}`);
}
