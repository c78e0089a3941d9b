import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { DoorFigures } from '../metrics/door-figures.ts';
import type { Front } from './secure-side.ts';

const POLL_MS = 20;
const FRESH_MS = 250;

/**
 * Node's own listener goes when a connection is upgraded or given back, and an error that nobody hears
 * ends the process. Whoever uses the socket sees its end.
 */
const hearErrors = () => {};

/**
 * All sockets of clients; over TLS also what is inside of each.
 * @param bytes counts what is on the wire
 */
export function openSockets(
  { server, opened }: Pick<Front, 'server' | 'opened'>,
  bytes: DoorFigures['clients'],
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const follow = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', hearErrors);
  };
  server.on('connection', (socket) => {
    // It comes again behind an upgrade that is ignored.
    if (sockets.has(socket)) return;
    bytes.opened(socket);
    socket.once('close', () => bytes.closed(socket));
    follow(socket);
  });
  if (opened === 'connection') return sockets;
  server.on(opened, (socket: Socket) => sockets.has(socket) || follow(socket));
  return sockets;
}

/**
 * Resolves when a server that accepts no more has no connection, or at the deadline. Node counts one that
 * never sent a byte as busy. It gets a moment: its request may be on the wire.
 * @param idleMs idle connections stay for so long: each gets one more answer, which says that it is the last
 */
export async function emptied(
  server: Server,
  sockets: ReadonlySet<Socket>,
  deadlineMs: number,
  idleMs: number,
) {
  const startMs = performance.now();
  for (;;) {
    const waitedMs = performance.now() - startMs;
    if (waitedMs >= idleMs) server.closeIdleConnections();
    if (waitedMs > FRESH_MS) endUseless(sockets, waitedMs > idleMs);
    if (sockets.size === 0 || waitedMs > deadlineMs) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function endUseless(sockets: ReadonlySet<Socket>, alsoFresh: boolean): void {
  for (const socket of sockets) {
    const isFresh = alsoFresh && socket.bytesRead === 0;
    // The last answer on one that is ended is out.
    if (isFresh || socket.writableFinished) socket.destroy();
  }
}
