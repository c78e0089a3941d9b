import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestMessage, ResponseMessage } from './messages.ts';

/*
 * Answers that come before their request is in, and how their connection ends: one that is closed
 * with unread bytes is reset, and the client may lose the answer. RFC 9112 §9.6.
 */

export interface LingerLimits {
  /** How long the client may send nothing more. */
  readonly lingerIdleMs: number;
  /** And all of it together. */
  readonly maxLingerMs: number;
}

/** Ends an answer. Its connection, if it is the last on it, is closed so that the client gets it. */
export function endPolitely(
  request: RequestMessage,
  response: Pick<ResponseMessage, 'end'>,
  limits: LingerLimits,
): void {
  if (!request.complete && !request.destroyed) {
    closePolitelyAfter(request.socket, () => request, limits);
    // A client may send all before it reads anything.
    readOn(request);
  }
  response.end();
}

/**
 * Lets node end a connection politely behind its last answer.
 * @param last gives the request of that answer
 */
export function closePolitelyAfter(
  socket: Socket,
  last: () => RequestMessage | null,
  limits: LingerLimits,
): void {
  // What node calls for the last answer on a connection.
  socket.destroySoon = () => closePolitely(socket, last(), limits);
}

/** Closes a connection whose last answer is on its way: in two steps where its request is, too. */
function closePolitely(socket: Socket, request: RequestMessage | null, limits: LingerLimits): void {
  if (socket.writableEnded) return;
  if (!request || request.complete || request.destroyed) closeNow(socket);
  else closeInSteps(request, limits);
}

/** Says that nothing more comes, then reads on until the client has seen that. */
export function closeInSteps(request: RequestMessage, limits: LingerLimits): void {
  const { socket } = request;
  const cut = () => void socket.destroy();
  destroyAfter(socket, limits.maxLingerMs);
  socket.setTimeout(limits.lingerIdleMs, cut);
  request.once('close', cut);
  readOn(request);
  socket.end();
}

/**
 * Ends a connection with these last bytes. What still comes is taken for a moment: unread,
 * it would make a reset of the end.
 */
export function endWithBytes(socket: Socket, bytes: string, lingerMs: number): void {
  if (!socket.writable) return void socket.destroy();
  destroyAfter(socket, lingerMs);
  socket.once('end', () => socket.destroySoon());
  socket.end(bytes);
}

/**
 * Ends an answer while nothing of its request is read any more: for where reading it would take more
 * than the client is worth. Closed at once, the reset would often overtake the answer; node reads on
 * once an answer has ended.
 */
export function endUnread(
  request: IncomingMessage,
  response: ServerResponse,
  text: string,
  lingerMs: number,
): void {
  const { socket } = request;
  request.pause();
  response.write(text);
  const limit = setTimeout(() => closeNow(socket), lingerMs);
  socket.once('close', () => clearTimeout(limit));
}

/** Reads the rest of a request and throws it away. */
export function readOn(request: RequestMessage): void {
  request.unpipe();
  request.resume();
}

// As node does it, whatever stands in its place on this socket.
function closeNow(socket: Socket): void {
  Socket.prototype.destroySoon.call(socket);
}

function destroyAfter(socket: Socket, ms: number): void {
  const limit = setTimeout(() => socket.destroy(), ms);
  socket.once('close', () => clearTimeout(limit));
}
