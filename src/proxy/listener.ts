import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { FailedError } from '../errors.ts';
import { reason } from '../text.ts';
import { createAllow } from './allow.ts';
import { rawAnswer } from './answer.ts';
import { refuseConnection } from './client-errors.ts';
import { type Connection, createConnection } from './connection.ts';
import type { DoorContext } from './door-context.ts';
import type { DoorOptions } from './door-options.ts';
import { handleExpectation, handleRequest, handleUpgrade } from './handler.ts';
import type { Upgrades } from './upgrade.ts';

/** The door's socket and everything that came in through it. */
export interface Listener {
  /** Resolves with the port. @throws FailedError when the address cannot be had */
  listen(host: string, port: number): Promise<number>;
  /** Accepts no more, ends what is idle; resolves when the last connection is gone. */
  close(): Promise<void>;
  cut(): void;
}

const CHECK_MS = 1_000;
const BUFFER_BYTES = 64 * 1_024;

export function createListener(context: DoorContext, upgrades: Upgrades): Listener {
  const connections = new Map<Socket, Connection>();
  const server = createServer(limits(context.options));
  // All lines are read and counted: node would drop those above its maximum without a word.
  server.maxHeadersCount = 0;
  welcome(server, connections, createAllow(context.options.trustProxy));
  attach(server, connections, context, upgrades);
  return {
    listen: (host, port) => listen(server, host, port),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { socket, unanswered, upgraded } of connections.values()) {
        if (unanswered.size === 0 && !upgraded) socket.destroySoon();
      }
      await closed;
    },
    cut() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

function limits(options: DoorOptions) {
  return {
    highWaterMark: BUFFER_BYTES,
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.clientHeaderMs,
    requestTimeout: options.clientRequestMs,
    keepAliveTimeout: options.clientKeepAliveMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, options.clientHeaderMs),
    insecureHTTPParser: false,
  };
}

function welcome(
  server: Server,
  connections: Map<Socket, Connection>,
  trusts: (peer: string) => boolean,
): void {
  server.on('connection', (socket: Socket) => {
    connections.set(socket, createConnection(socket, trusts));
    socket.once('close', () => connections.delete(socket));
  });
}

function attach(
  server: Server,
  connections: ReadonlyMap<Socket, Connection>,
  context: DoorContext,
  upgrades: Upgrades,
): void {
  const incoming = (request: IncomingMessage) => {
    const connection = connections.get(request.socket);
    return connection ? { connection, request } : null;
  };
  server.on('request', (request, response) => {
    const from = incoming(request);
    if (from) handleRequest(context, from, response, false);
  });
  server.on('checkContinue', (request, response) => {
    const from = incoming(request);
    if (from) handleRequest(context, from, response, true);
  });
  server.on('checkExpectation', (request, response) => {
    const from = incoming(request);
    if (from) handleExpectation(context, from, response);
  });
  server.on('upgrade', (request, _socket, head) => {
    const from = incoming(request);
    if (!from) return;
    from.connection.upgraded = true;
    handleUpgrade(context, upgrades, from, head);
  });
  server.on('connect', (_request, socket) => {
    socket.on('error', () => {});
    socket.end(rawAnswer({ status: 405, text: 'CONNECT is not passed on' }));
  });
  server.on('clientError', (error, socket) => {
    const connection = connections.get(socket as Socket);
    if (connection) refuseConnection(connection, error);
    else socket.destroy();
  });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): FailedError {
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new FailedError(
        'port-in-use',
        `port ${port} is in use`,
        'Stop what listens there, or choose another port with --port',
        options,
      );
    case 'EACCES':
      return new FailedError(
        'port-denied',
        `port ${port} may not be used by this user`,
        'Choose a port from 1024 upward with --port',
        options,
      );
    default:
      return new FailedError(
        'cannot-listen',
        `cannot listen on ${host} port ${port}: ${reason(error)}`,
        'Choose an address of this machine with --host',
        options,
      );
  }
}
