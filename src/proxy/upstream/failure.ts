import { reason } from '../../text.ts';

const HEAD_TOO_LARGE = 431;

/**
 * How an attempt ended without an answer.
 * `unconnected`: no connection, or not to the server that was meant, so nothing of the request was sent. `short`: the door has no sockets left.
 * `broken`: the connection ended before the first byte of an answer. `gone`: the door gave the server
 * up before that, after it had failed its health checks. `garbled`: an answer began and made no
 * sense. `late`: no answer in time. `stalled`: the client stopped sending. `invalid`: the request
 * cannot be put on the wire.
 */
export type Failure =
  | 'unconnected'
  | 'short'
  | 'broken'
  | 'gone'
  | 'garbled'
  | 'late'
  | 'stalled'
  | 'invalid';

export interface Broken {
  readonly failure: Failure;
  readonly why: string;
}

// The door's own shortage says nothing about the server.
const SHORT: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
]);
const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET']);
const INVALID: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);
const OVERFLOW: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_OVERFLOW', 'HPE_HEADER_OVERFLOW']);
const UNPROVEN = 'MEOW_UNPROVEN';
/** Of no word about the address: closed by ourselves, or told to the pool already. */
const NO_REFUSAL: ReadonlySet<string> = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED', UNPROVEN]);

/** For the retry policy: how did this attempt end? `connected`: its connection stood. `answered`: a byte of an answer came. */
export function judgeFailure(error: Error, connected: boolean, answered: boolean): Broken {
  const code = codeOf(error);
  const why = OVERFLOW.has(code) ? 'the head of its answer is over --max-header' : reason(error);
  if (INVALID.has(code)) return { failure: 'invalid', why };
  if (!connected) return { failure: SHORT.has(code) ? 'short' : 'unconnected', why };
  if (!answered && isCut(error)) return { failure: 'broken', why };
  return { failure: 'garbled', why };
}

/** The connection was refused, unreachable or timed out; not merely closed by ourselves, nor without proof. */
export function isRefusal(error: Error): boolean {
  return !NO_REFUSAL.has(codeOf(error));
}

/** A connection stood, but who took it did not say that it is the server: nothing was sent to it. */
export function unproven(why: string): Error {
  return Object.assign(new Error(why), { code: UNPROVEN });
}

export function timedOut(afterMs: number): Error {
  return Object.assign(new Error(`no connection in ${afterMs} ms`), { code: 'ETIMEDOUT' });
}

/** The other side ended the connection. */
export function isCut(error: Error): boolean {
  return CUT.has(codeOf(error));
}

/** The other side sent something that is no HTTP, or an answer that nobody asked for. */
export function isStray(error: Error): boolean {
  return codeOf(error).startsWith('HPE_') || error.message === 'bad response';
}

/** Nobody listens at that port: whoever had it is gone. */
export function isVacant(error: Error): boolean {
  return codeOf(error) === 'ECONNREFUSED';
}

export function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

/** The log's remark on a server's answer that the door should have given instead. */
export function remark(status: number, server: string | null): string | null {
  if (server === null || status !== HEAD_TOO_LARGE) return null;
  return 'the server’s own limit: an older one, or its program, takes smaller heads than this door';
}
