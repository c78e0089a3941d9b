import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FailedError } from '../errors.ts';
import { quote } from '../text.ts';
import type { Answered } from './access-log.ts';
import { createAllow } from './allow.ts';
import { own, rawAnswer, sendOwn } from './answer.ts';
import { createBalancer } from './balancer.ts';
import { refuseConnection } from './client-errors.ts';
import { type Connection, createConnection } from './connection.ts';
import type { DoorContext } from './door-context.ts';
import { viaName } from './door-id.ts';
import type { DoorOptions } from './door-options.ts';
import { Exchange } from './forward.ts';
import { requestLines } from './headers.ts';
import { createLines } from './line.ts';
import { createBar, doorUrl } from './own-address.ts';
import { createProber } from './probe.ts';
import { refusal, splitAbsolute } from './request-checks.ts';
import { RequestHead } from './request-head.ts';
import { Ladder } from './retry.ts';
import { Roster } from './roster.ts';
import { createUpgrades } from './upgrade.ts';

export interface FrontDoorDeps {
  /** The door's id. */
  readonly id: string;
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** The roster changed, or a draining server has nothing queued any more. */
  readonly onChange: () => void;
}

/** The door's listener and all it needs to answer; what it may use is put into `roster`. */
export interface FrontDoor {
  readonly roster: Roster;
  /** @throws FailedError `port-in-use` */
  listen(): Promise<number>;
  /** Stops accepting, finishes what is in flight, cuts the rest after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
  /** Cuts everything now. */
  cut(): void;
}

const SECOND_MS = 1_000;
const POLL_MS = 20;

export function createFrontDoor(deps: FrontDoorDeps, options: DoorOptions): FrontDoor {
  const context = createContext(deps, options);
  const connectionOf = createConnections(options);
  const sockets = new Set<Socket>();
  const server = createHttpServer(options);
  const answer = (request: IncomingMessage, response: ServerResponse, expecting = false) =>
    handle(context, connectionOf(request.socket), request, response, expecting);
  const upgrades = createUpgrades(context, connectionOf, answer);
  const stopWatch = startWatch(context);

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => answer(request, response));
  server.on('checkContinue', (request, response) => answer(request, response, true));
  server.on('checkExpectation', (request, response) => {
    sendOwn(request, response, own.notExpected, options.lingerMs);
  });
  server.on('upgrade', upgrades.handle);
  server.on('connect', (_: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(rawAnswer({ status: 405, text: 'CONNECT is not passed on' }));
  });
  server.on('clientError', (error, socket) => {
    refuseConnection(connectionOf(socket as Socket), error);
  });

  const cut = () => {
    context.closing = true;
    stopWatch();
    server.close();
    for (const socket of sockets) socket.destroy();
    for (const { pool } of context.roster.all()) void pool.destroy();
  };
  return {
    roster: context.roster,
    listen: () => bind(server, options),
    async close(deadlineMs) {
      context.closing = true;
      server.close();
      upgrades.close();
      const end = performance.now() + deadlineMs;
      while (sockets.size > 0 && performance.now() < end) {
        server.closeIdleConnections();
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      cut();
    },
    cut,
  };
}

function createContext(deps: FrontDoorDeps, options: DoorOptions): DoorContext {
  const { host, port } = options;
  const own = () => ({ host, port, url: doorUrl(host, port) });
  const bar = createBar(createAllow(options.allowBackends), own);
  const openPool = (url: string) => createLines(url, options);
  const salt = randomBytes(9).toString('base64url');
  let attempts = 0;
  return {
    options,
    name: viaName(deps.id),
    roster: new Roster({ openPool, bar, nowMs: () => performance.now() }, options),
    balancer: createBalancer(options.balance, options.maxInflight),
    ladder: new Ladder(options),
    onAnswer: deps.onAnswer,
    onChange: deps.onChange,
    nowMs: performance.now(),
    closing: false,
    newAttempt() {
      attempts += 1;
      return salt + attempts.toString(36);
    },
  };
}

function createConnections(options: DoorOptions): (socket: Socket) => Connection {
  const connections = new WeakMap<Socket, Connection>();
  const trusts = createAllow(options.trustProxy);
  return (socket) => {
    const known = connections.get(socket);
    if (known) return known;
    const made = createConnection(socket, trusts);
    connections.set(socket, made);
    return made;
  };
}

function createHttpServer(options: DoorOptions): Server {
  const server = createServer({
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.clientHeaderMs,
    requestTimeout: options.clientRequestMs,
    keepAliveTimeout: options.clientKeepAliveMs,
    connectionsCheckingInterval: SECOND_MS,
  });
  // Node would drop the lines beyond its own limit in silence; the door counts them itself.
  server.maxHeadersCount = 0;
  return server;
}

/** One clock for all requests: timers of their own would cost more than the requests. */
function startWatch(context: DoorContext): () => void {
  const { probeMs, probeTimeoutMs, doorWatchMs } = context.options;
  const via = `1.1 ${context.name}`;
  const prober = createProber(context.roster, { probeMs, probeTimeoutMs, via });
  const watch = setInterval(() => {
    context.nowMs = performance.now();
    for (const { passengers } of context.roster.all()) {
      for (const passenger of passengers) passenger.check(context.nowMs);
    }
  }, doorWatchMs);
  const second = setInterval(() => context.ladder.turn(), SECOND_MS);
  return () => {
    clearInterval(watch);
    clearInterval(second);
    prober.stop();
  };
}

function handle(
  context: DoorContext,
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
  expecting: boolean,
): void {
  const { options } = context;
  const { method = 'GET' } = request;
  if (connection.refused) return;
  if (method === 'OPTIONS' && request.url === '*') {
    return sendOwn(request, response, own.nothingToSay, options.lingerMs);
  }
  const head = new RequestHead(request.rawHeaders);
  takeAbsolute(request, head);
  const refused = refusal(head, request, options);
  if (refused) {
    connection.refused = true;
    return sendOwn(request, response, { ...refused, close: true }, options.lingerMs);
  }
  const lines = requestLines(head, {
    peer: connection.peer,
    trusted: connection.trusted,
    door: context.name,
    httpVersion: request.httpVersion,
    attempt: context.newAttempt(),
  });
  const { hasBody } = head;
  const path = request.url ?? '/';
  const outgoing = { method, path, lines, hasBody, expecting: expecting && hasBody };
  new Exchange(context, connection, request, response, outgoing).begin();
}

// RFC 9112 §3.2.2: the host of an absolute target counts, not the line.
function takeAbsolute(request: IncomingMessage, head: RequestHead): void {
  const absolute = splitAbsolute(request.url ?? '');
  if (!absolute || head.hosts !== 1) return;
  request.url = absolute.path;
  head.host = absolute.host;
}

function bind(server: Server, { host, port }: DoorOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(host, port, error)));
    server.listen({ host, port, backlog: 4_096 }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The words for a port that cannot be had. */
export function cannotListen(
  host: string,
  port: number,
  cause: NodeJS.ErrnoException,
): FailedError {
  if (cause.code === 'EADDRINUSE') {
    const remedy = 'End what holds it, or choose another port';
    return new FailedError('port-in-use', `port ${port} is in use`, remedy, { cause });
  }
  if (cause.code === 'EACCES') {
    const message = `port ${port} needs root's rights`;
    return new FailedError('port-denied', message, 'Use a port from 1024 up', { cause });
  }
  const message = `cannot listen on ${quote(host)}: ${cause.code}`;
  return new FailedError('listen', message, 'Use an address of this machine', { cause });
}
