import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { StoreError } from '../../errors.ts';
import { endPolitely, type LingerLimits } from '../../http/early-close.ts';

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

/** Redis could not: whoever asks may try again. */
export function failure(
  { kind, message, remedy }: StoreError,
  headers?: OutgoingHttpHeaders,
): Reply {
  const status = kind === 'full' ? 507 : 503;
  return problem(status, message, remedy, { 'Retry-After': '1', ...headers });
}

/** A request whose body was not wanted takes its connection with it. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers }: Reply,
  limits: LingerLimits,
): void {
  begin(response, status, { 'Content-Length': Buffer.byteLength(body), ...headers });
  if (request.complete) return void response.end(body);
  response.write(body);
  endPolitely(request, response, limits);
}

export function begin(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
): void {
  if (!response.req.complete) response.setHeader('Connection', 'close');
  response.writeHead(status, { ...everywhere, ...headers });
}
