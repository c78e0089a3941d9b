import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** An answer: a value as JSON, or bytes of a type. */
export interface Reply {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
}

/** Nobody frames it, reads it from another origin, guesses its type, or learns where a link came from. */
const everywhere: OutgoingHttpHeaders = Object.freeze({
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
});

export function json(value: unknown, status = 200, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, body: `${JSON.stringify(value)}\n`, headers };
}

/** @param remedy what to do about it */
export function problem(
  status: number,
  error: string,
  remedy?: string,
  headers?: OutgoingHttpHeaders,
): Reply {
  return json({ error, ...(remedy === undefined ? {} : { remedy }) }, status, headers);
}

export function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers }: Reply,
): void {
  begin(request, response, status, { 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

/** Writes the head of an answer. A request whose body was not wanted takes its connection with it. */
export function begin(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
): void {
  if (!request.complete) response.setHeader('Connection', 'close');
  response.writeHead(status, { ...everywhere, ...headers });
}
