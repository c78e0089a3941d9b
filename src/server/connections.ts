import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closePolitelyAfter, type LingerLimits } from '../http/early-close.ts';
import { DOOR_NAME } from '../ids.ts';

interface Connection {
  requests: number;
  /** Its responses that are not sent yet, or wait behind one that is not. */
  readonly unanswered: Set<ServerResponse>;
  /** It carried a door's `Via`: the door closes it, or a POST on its way would be lost. */
  fromDoor: boolean;
  last: IncomingMessage | null;
}

/** Every open connection of a server: who sent on it, and how many requests it has. */
export class Connections {
  readonly #isProbe: (request: IncomingMessage) => boolean;
  readonly #limits: LingerLimits;
  readonly #sockets = new Map<Duplex, Connection>();
  #inflight = 0;
  #requests = 0;
  #answers = 0;
  #refusing = false;
  #closing = false;

  /** @param isProbe what asks for health is no request of a client */
  constructor(
    server: Server,
    isProbe: (request: IncomingMessage) => boolean,
    limits: LingerLimits,
  ) {
    this.#isProbe = isProbe;
    this.#limits = limits;
    server.on('connection', (socket) => this.#opened(socket));
    server.prependListener('request', (request, response) => this.#asked(request, response));
  }

  inflight(): number {
    return this.#inflight;
  }

  /** All requests since the start but those for its health. */
  requests(): number {
    return this.#requests;
  }

  /** How many of them the app has answered. A 5xx does not count: it may be ours. */
  answers(): number {
    return this.#answers;
  }

  open(): number {
    return this.#sockets.size;
  }

  /** It carries another protocol from now on, and ends by itself or at the drain limit. */
  hold(socket: Duplex): void {
    const connection = this.#sockets.get(socket);
    if (!connection) return;
    this.#inflight++;
    this.#requests++;
    connection.requests++;
    socket.once('close', () => this.#inflight--);
  }

  /** From now on every answer says `Connection: close`. */
  refuseNew(): void {
    this.#refusing = true;
  }

  /** Closes idle connections that no door uses, now and as they become idle. */
  closeIdle(): void {
    this.#closing = true;
    for (const [socket, connection] of this.#sockets) this.#closeIfIdle(socket, connection);
  }

  /** Cuts what is left. */
  cut(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #opened(socket: Socket): void {
    const connection: Connection = {
      requests: 0,
      unanswered: new Set(),
      fromDoor: false,
      last: null,
    };
    this.#sockets.set(socket, connection);
    closePolitelyAfter(socket, () => connection.last, this.#limits);
    // Node's own goes with an upgrade, and an error that nobody hears ends the process.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      // Node tells only the response that has the socket, not those that wait behind it.
      for (const response of connection.unanswered) if (!response.socket) response.emit('close');
    });
  }

  #asked(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#sockets.get(request.socket);
    if (!connection) return;
    this.#inflight++;
    const isCounted = !this.#isProbe(request);
    if (isCounted) this.#requests++;
    connection.requests++;
    connection.unanswered.add(response);
    connection.last = request;
    connection.fromDoor ||= DOOR_NAME.test(request.headers.via ?? '');
    if (this.#refusing) response.setHeader('Connection', 'close');
    response.once('close', () => {
      this.#inflight--;
      connection.requests--;
      connection.unanswered.delete(response);
      if (isCounted && response.headersSent && response.statusCode < 500) this.#answers++;
      this.#closeIfIdle(request.socket, connection);
    });
  }

  #closeIfIdle(socket: Duplex, connection: Connection): void {
    if (this.#closing && connection.requests === 0 && !connection.fromDoor) socket.end();
  }
}
