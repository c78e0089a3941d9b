import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { endWithBytes } from '../../http/early-close.ts';
import type { ResponseMessage } from '../../http/messages.ts';
import type { CachedHead } from './head-cache.ts';
import type { HeadOverflow } from './head-overflow.ts';
import type { Standstill } from './unread-answer.ts';

/** A request that still needs its connection. */
export interface Unanswered {
  /** The rest of its body makes no sense, or does not come in time: answer and give up. */
  refuse(why: 'invalid' | 'stalled'): void;
  readonly arrived: boolean;
  readonly response: Pick<ResponseMessage, 'writableEnded' | 'destroy'>;
  /** For the log: what goes wrong with its answer. */
  remark(trouble: string): void;
  /** Its connection takes more of its answer. Node says so itself, unless it has detached from it. */
  drained(): void;
  /** Its connection has gone. Node tells only the one whose answer has the socket. */
  cutOff(): void;
}

/** A client's connection, made once for all its requests. */
export interface Connection {
  readonly socket: Socket;
  /** Without the IPv6 wrapping of an IPv4 address. */
  readonly peer: string;
  readonly trusted: boolean;
  /** Over TLS. */
  readonly secure: boolean;
  /** The value of Strict-Transport-Security for all answers on it; null for none. */
  readonly hsts: string | null;
  /** A stream of HTTP/2: what becomes of its one request is no matter of the socket. */
  readonly isStream: boolean;
  readonly unanswered: Unanswered[];
  /** The head of the last request, ready for a server: most clients send the same lines again. */
  cachedHead: CachedHead | null;
  /** Written after the last answer: what followed its request was not a valid request. */
  finalBytes: string | null;
  /** The current answer is the last on this connection. */
  isLast: boolean;
  /** A request on it was refused: whatever follows is not looked at. */
  refused: boolean;
  /** A head was too large; which part of it is still to be found out. */
  overflow: HeadOverflow | null;
  /** Called after the last answer. */
  next: (() => void) | null;
  /** Nothing has moved since; null where that was not looked at yet. */
  standstill: Standstill | null;
}

export function createConnection(
  socket: Socket,
  trusts: (peer: string) => boolean,
  hsts: string | null,
): Connection {
  const peer = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const unanswered: Unanswered[] = [];
  socket.once('close', () => {
    for (const each of [...unanswered]) each.cutOff();
  });
  return {
    socket,
    peer,
    trusted: trusts(peer),
    secure: (socket as Partial<TLSSocket>).encrypted === true,
    hsts,
    isStream: false,
    unanswered,
    cachedHead: null,
    finalBytes: null,
    isLast: false,
    refused: false,
    overflow: null,
    next: null,
    standstill: null,
  };
}

/** A request no longer needs its connection. */
export function forget({ unanswered }: Connection, request: Unanswered): void {
  if (unanswered.length === 1) unanswered.pop();
  else unanswered.splice(unanswered.indexOf(request), 1);
}

/** After an answer is out: the connection may have been waiting for it to end. */
export function finishConnection(connection: Connection, closing: boolean): void {
  const { socket, isStream, unanswered, finalBytes, next } = connection;
  if (isStream || unanswered.length > 0) return;
  connection.next = null;
  if (finalBytes === null && !closing) return next?.();
  if (finalBytes !== null && socket.writable) socket.write(finalBytes);
  socket.destroySoon();
}

/** Calls back once all requests so far are answered, at once if they are; never if the connection ends. */
export function whenAnswered(connection: Connection, next: () => void): void {
  if (connection.unanswered.length > 0) connection.next = next;
  else next();
}

/** Ends the connection with these bytes, behind the answers to earlier requests on it. */
export function endWith(connection: Connection, bytes: string, lingerMs: number): void {
  const { socket, unanswered } = connection;
  if (unanswered.length > 0) {
    connection.finalBytes = bytes;
    return;
  }
  endWithBytes(socket, bytes, lingerMs);
}
