import { createServer } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Connection } from '../client/connection.ts';
import type { DoorContext } from '../exchange/context.ts';
import { Session } from './session.ts';

export interface Http2Deps {
  readonly context: DoorContext;
  connectionOf(socket: Socket): Connection;
  /** One line about something that an operator should look at. */
  log(line: string): void;
}

export interface Http2 {
  /** A connection whose client chose HTTP/2. */
  take(socket: TLSSocket): void;
  /** Connections end with their streams. */
  goAway(): void;
  /** Cuts answers of which their clients take nothing any more. */
  look(nowMs: number): void;
}

/** How many lines of pseudo-headers and parts of a cookie there may be besides the usual ones. */
const SPARE_LINES = 100;
/** So that what is a little too large gets an answer; what is more ends its stream. */
const LIST_SPARE = 4;
const LINES_AGAIN_MS = 60_000;

/** HTTP/2 over connections that somebody else accepts. */
export function createHttp2({ context, connectionOf, log }: Http2Deps): Http2 {
  const { maxHeaderBytes, maxHeaderLines, maxStreams } = context.options;
  const server = createServer({
    maxHeaderListPairs: maxHeaderLines + SPARE_LINES,
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: maxHeaderBytes * LIST_SPARE,
      enablePush: false,
    },
  });
  const sessions = new Set<Session>();
  const say = seldom(log);
  // The session of a socket is there within the turn that brings it.
  let carrier: Connection | null = null;
  server.on('session', (session) => {
    if (!carrier) return session.destroy();
    const known = new Session(context, session, carrier, say);
    sessions.add(known);
    session.once('close', () => sessions.delete(known));
  });
  return {
    take(socket) {
      carrier = connectionOf(socket);
      server.emit('connection', socket);
      carrier = null;
    },
    goAway() {
      for (const session of sessions) session.goAway();
    },
    look(nowMs) {
      for (const session of sessions) session.look(nowMs);
    },
  };
}

// Whoever floods connection after connection must not fill the log.
function seldom(log: (line: string) => void): (line: string) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (line) => {
    const nowMs = performance.now();
    if (nowMs - saidMs < LINES_AGAIN_MS) return;
    saidMs = nowMs;
    log(line);
  };
}
