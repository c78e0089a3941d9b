import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { defaults } from '../defaults.ts';
import { closePolitelyAfter } from '../http/early-close.ts';
import { DOOR_NAME } from '../ids.ts';

interface Connection {
  requests: number;
  /** Those of them that are not out, or behind one that is not. */
  readonly unanswered: Set<ServerResponse>;
  /** It carried a door's `Via`: the door closes it, or a POST on its way would be lost. */
  fromDoor: boolean;
  last: IncomingMessage | null;
}

/** Every open connection: who sent on it, and how many requests it has. */
export interface Connections {
  inflight(): number;
  /** All requests since the start but those for its health. */
  requests(): number;
  /** How many of them an app has answered, with anything but 5xx: those may be ours. */
  answers(): number;
  open(): number;
  /** From now on it carries another protocol: it ends by itself, or with the drain limit. */
  hold(socket: Duplex): void;
  /** From now on every answer says `Connection: close`. */
  refuseNew(): void;
  /** Closes idle connections that no door uses, now and as they become idle. */
  closeIdle(): void;
  /** Cuts what is left. */
  cut(): void;
}

/** @param isProbe what asks for health is no request of a client */
export function openConnections(
  server: Server,
  isProbe: (request: IncomingMessage) => boolean,
): Connections {
  const sockets = new Map<Duplex, Connection>();
  let inflight = 0;
  let requests = 0;
  let answers = 0;
  let refusing = false;
  let closing = false;

  const closeIfIdle = (socket: Duplex, connection: Connection) => {
    if (closing && connection.requests === 0 && !connection.fromDoor) socket.end();
  };
  server.on('connection', (socket) => {
    const connection: Connection = {
      requests: 0,
      unanswered: new Set(),
      fromDoor: false,
      last: null,
    };
    sockets.set(socket, connection);
    closePolitelyAfter(socket, () => connection.last, defaults);
    // Node's own goes with an upgrade, and an error that nobody hears ends the process.
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      // Node tells only the response that has the socket, not those that wait behind it.
      for (const response of connection.unanswered) if (!response.socket) response.emit('close');
    });
  });
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    const connection = sockets.get(req.socket);
    if (!connection) return;
    inflight++;
    const isCounted = !isProbe(req);
    if (isCounted) requests++;
    connection.requests++;
    connection.unanswered.add(res);
    connection.last = req;
    connection.fromDoor ||= DOOR_NAME.test(req.headers.via ?? '');
    if (refusing) res.setHeader('Connection', 'close');
    res.once('close', () => {
      inflight--;
      connection.requests--;
      connection.unanswered.delete(res);
      if (isCounted && res.headersSent && res.statusCode < 500) answers++;
      closeIfIdle(req.socket, connection);
    });
  });

  const hold = (socket: Duplex) => {
    const connection = sockets.get(socket);
    if (!connection) return;
    inflight++;
    requests++;
    connection.requests++;
    socket.once('close', () => inflight--);
  };

  return {
    inflight: () => inflight,
    requests: () => requests,
    answers: () => answers,
    open: () => sockets.size,
    hold,
    refuseNew() {
      refusing = true;
    },
    closeIdle() {
      closing = true;
      for (const [socket, connection] of sockets) closeIfIdle(socket, connection);
    },
    cut() {
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}
