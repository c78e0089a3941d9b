import { STATUS_CODES } from 'node:http';
import { endPolitely, type LingerLimits } from '../../http/early-close.ts';
import type { RequestMessage, ResponseMessage } from '../../http/messages.ts';
import type { Failure } from '../upstream/failure.ts';
import type { Connection } from './connection.ts';
import type { TooLarge } from './head-overflow.ts';

/** An answer that the door itself gives. */
export interface OwnAnswer {
  readonly status: number;
  readonly text: string;
  /** The label under which it is counted; without one it is counted as `refused`. */
  readonly reason?: string;
  /** More header lines: name, value… */
  readonly lines?: readonly string[];
  /** Close the connection after it. */
  readonly close?: boolean;
}

/** RFC 9110 §15.5.6: a 405 lists the methods that are allowed. */
export const ALLOW: readonly string[] = Object.freeze([
  ...['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
]);
const RETRY: readonly string[] = Object.freeze(['Retry-After', '1']);

export const own = {
  noServers: {
    status: 503,
    reason: 'no_servers',
    text: 'no servers: start one with `meowctl spawn`',
    lines: RETRY,
  },
  notReady: { status: 503, reason: 'not_ready', text: 'no server is ready yet', lines: RETRY },
  allBusy: { status: 503, reason: 'all_busy', text: 'every server is busy', lines: RETRY },
  doorShort: {
    status: 503,
    reason: 'door_short',
    text: 'the door is out of sockets',
    lines: RETRY,
  },
  badGateway: {
    status: 502,
    reason: 'bad_gateway',
    text: 'the server broke off, or its answer made no sense',
  },
  tooLate: { status: 504, reason: 'too_late', text: 'the server did not answer in time' },
  slowClient: {
    status: 408,
    reason: 'slow_client',
    text: 'the request did not arrive in time',
    close: true,
  },
  badRequest: {
    status: 400,
    reason: 'bad_request',
    text: 'the request makes no sense',
    close: true,
  },
  notExpected: { status: 417, reason: 'not_expected', text: 'only 100-continue can be expected' },
  nothingToSay: { status: 204, reason: 'nothing_to_say', text: '', lines: ALLOW },
} as const satisfies Record<string, OwnAnswer>;

/** A part of a head that takes more than `--max-header`. */
export const tooLarge: Readonly<Record<TooLarge, OwnAnswer>> = {
  target: { status: 414, text: 'the request target is too long' },
  lines: { status: 431, text: 'the head of the request is too large' },
};

/** What the log says of an answer: of a limit also how it is set. */
export function troubleOf(answer: OwnAnswer, maxHeaderBytes: number): string {
  const isLimit = answer === tooLarge.target || answer === tooLarge.lines;
  return isLimit ? `${answer.text}: --max-header is ${maxHeaderBytes} bytes` : answer.text;
}

/**
 * What a client is told when its request failed and is not tried again. Where a server may have done
 * what was asked it is never 503, which invites to ask again.
 */
export const answerTo: Readonly<Record<Failure, OwnAnswer>> = {
  unconnected: own.noServers,
  short: own.doorShort,
  broken: own.badGateway,
  gone: own.badGateway,
  garbled: own.badGateway,
  late: own.tooLate,
  stalled: own.slowClient,
  invalid: own.badRequest,
};

/** The client's side of a request that the door answers itself. */
export interface Asked {
  readonly context: { readonly options: LingerLimits };
  readonly connection: Connection;
  readonly request: RequestMessage;
  readonly response: ResponseMessage;
}

/** Sends short text, or JSON to a client that asks for it. */
export function sendOwn(
  { context, connection, request, response }: Asked,
  answer: OwnAnswer,
): void {
  const { type, body } = render(answer, request.headers.accept ?? '');
  const lines = [...(answer.lines ?? [])];
  if (body !== '') lines.push('Content-Type', type, 'Content-Length', `${Buffer.byteLength(body)}`);
  if (answer.close || !request.complete) lines.push('Connection', 'close');
  if (connection.hsts !== null) lines.push('Strict-Transport-Security', connection.hsts);
  response.writeHead(answer.status, lines);
  if (body !== '') response.write(body);
  endAnswer(connection, request, response, context.options);
}

/** Ends an answer, and where its request is not in, its connection so that the client gets it. */
export function endAnswer(
  { isStream }: Connection,
  request: RequestMessage,
  response: ResponseMessage,
  limits: LingerLimits,
): void {
  if (isStream) response.end();
  else endPolitely(request, response, limits);
}

/** The same as bytes, for where there is no response to write to. */
export function rawAnswer({ status, text, lines = [] }: OwnAnswer): string {
  const body = `${text}\n`;
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...lines.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${lines[at + 1]}`] : [])),
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

function render({ status, text }: OwnAnswer, accept: string): { type: string; body: string } {
  if (text === '') return { type: '', body: '' };
  if (!accept.includes('application/json')) {
    return { type: 'text/plain; charset=utf-8', body: `${text}\n` };
  }
  return { type: 'application/json', body: `${JSON.stringify({ status, error: text })}\n` };
}
