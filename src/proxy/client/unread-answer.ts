import type { Socket } from 'node:net';
import type { Connection, Unanswered } from './connection.ts';

/** How it stood with an answer that is all here when its client last took something of it. */
export interface Standstill {
  readonly of: Unanswered;
  readonly left: number;
  /** Of the door's coarse clock, ms. */
  readonly sinceMs: number;
}

/** Cuts what `cutIfUnread` cuts on all connections of HTTP/1. */
export function cutUnread(
  sockets: Iterable<Socket>,
  connectionOf: (socket: Socket) => Connection,
  nowMs: number,
  limitMs: number,
): void {
  for (const socket of sockets) {
    const left = socket.writableLength;
    if (left > 0) cutIfUnread(connectionOf(socket), left, nowMs, limitMs);
  }
}

/**
 * Cuts an answer that is all here and of which its client takes nothing any more: no server is held up by
 * it, so nobody else looks after it.
 * @param left bytes of it that are here still
 */
export function cutIfUnread(
  connection: Connection,
  left: number,
  nowMs: number,
  limitMs: number,
): void {
  const [first] = connection.unanswered;
  if (!first?.response.writableEnded) return;
  const { standstill } = connection;
  if (standstill?.of !== first || standstill.left !== left) {
    connection.standstill = { of: first, left, sinceMs: nowMs };
    return;
  }
  if (nowMs - standstill.sinceMs <= limitMs) return;
  first.remark('the client reads no more');
  first.response.destroy();
}
