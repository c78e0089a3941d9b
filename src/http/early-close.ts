import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

export interface LingerLimits {
  /** How long the client may send nothing more. */
  readonly lingerIdleMs: number;
  /** And all of it together. */
  readonly maxLingerMs: number;
}

/**
 * Closes a connection whose last answer has been handed to the kernel. If its request is still
 * coming in, that is done in two steps: a connection that is closed with unread bytes is reset, and
 * the client may lose the answer. RFC 9112 §9.6.
 */
export function closePolitely(
  socket: Socket,
  request: IncomingMessage | null,
  limits: LingerLimits,
): void {
  if (socket.writableEnded) return;
  if (!request || request.complete || request.destroyed) Socket.prototype.destroySoon.call(socket);
  else closeInSteps(request, limits);
}

/** Says that nothing more comes, then reads on until the client has seen that. */
export function closeInSteps(request: IncomingMessage, limits: LingerLimits): void {
  const { socket } = request;
  const cut = () => void socket.destroy();
  const limit = setTimeout(cut, limits.maxLingerMs);
  socket.once('close', () => clearTimeout(limit));
  socket.setTimeout(limits.lingerIdleMs, cut);
  request.once('close', cut);
  readOn(request);
  socket.end();
}

/** Takes the rest of a request that nobody wants. */
export function readOn(request: IncomingMessage): void {
  request.unpipe().resume();
}
