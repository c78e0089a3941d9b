import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { listen, OTHER_PORT } from '../listen.ts';
import type { DoorFigures } from '../metrics/door-figures.ts';
import type { WorkersView } from '../metrics/workers-view.ts';
import { type Connection, createConnection } from './client/connection.ts';
import { stopAtUpgrades } from './client/ignored-upgrade.ts';
import { refuseConnection } from './client/parse-errors.ts';
import { refuseRaw } from './client/raw-refusal.ts';
import { notPassed } from './client/request-checks.ts';
import { cutUnread } from './client/unread-answer.ts';
import { emptied, openSockets } from './client-sockets.ts';
import { createContext } from './door-context.ts';
import type { DoorEvents } from './door-events.ts';
import type { Answered, DoorContext } from './exchange/context.ts';
import { type PoisonAnswers, PoisonList } from './exchange/poison.ts';
import { type Expected, receive } from './exchange/receive.ts';
import type { RetryPolicy } from './exchange/retry-policy.ts';
import type { SharedState } from './exchange/shared.ts';
import type { StartQueue } from './exchange/start-queue.ts';
import { createHttpServer } from './http-server.ts';
import type { DoorPool } from './membership.ts';
import type { DoorOptions } from './options.ts';
import type { RequestNotes } from './request-notes.ts';
import type { Front, SecureSide } from './secure-side.ts';
import type { Sticky } from './sticky/cookie.ts';
import { startTimers } from './timers.ts';
import { createAllow } from './upstream/address-policy.ts';
import type { UpstreamPool } from './upstream/pool.ts';
import { createProber } from './upstream/probe.ts';
import { createUpgrades } from './websocket/upgrade.ts';

export interface ListenerDeps {
  readonly sticky: Sticky | null;
  /** Where all that is to be shown is counted. */
  readonly figures: DoorFigures;
  /** Where requests that had trouble are remembered. */
  readonly notes: Pick<RequestNotes, 'add'>;
  /** How clients come over TLS; null where they come without. */
  readonly secure?: Pick<SecureSide, 'hsts' | 'front'> | null;
  /** The door's id. */
  readonly id: string;
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** A request for a picture whose client did not get it. */
  readonly onUndelivered: (attempt: string) => void;
  /** The pool changed, or a draining server has nothing queued any more. */
  readonly onChange: () => void;
  /** An upstream is about to enter a state. */
  readonly onTurn: DoorEvents['turns'];
  /** One line about something that an operator should look at. */
  readonly onTrouble: (line: string) => void;
  /** Of a worker: what it has in common with the others of its door. */
  readonly shared?: { readonly state: SharedState; readonly poison: PoisonAnswers };
}

/** The door's listener; what it may use is put into `pool`. */
export interface Listener {
  readonly pool: DoorPool;
  readonly poison: Pick<PoisonList, 'named'>;
  readonly starts: Pick<StartQueue, 'end' | 'look'>;
  /** What listens, of one that may be handed over. */
  readonly socket?: NetServer;
  /** @throws FailedError `port-in-use` */
  listen(): Promise<number>;
  listens(): boolean;
  /**
   * Stops accepting, finishes what is in flight, cuts the rest after `deadlineMs`.
   * @param idleMs how long clients whose connections are idle may send one more request
   */
  close(deadlineMs: number, idleMs?: number): Promise<void>;
  /** Cuts everything now. */
  cut(): void;
  /** Those that share the work, where it is shared. */
  workers?(): WorkersView;
}

/** A listener of this process, with all it needs to answer. */
export interface OwnListener extends Listener {
  readonly pool: UpstreamPool;
  readonly retryPolicy: RetryPolicy;
  readonly starts: StartQueue;
  /** Takes a connection that somebody else has accepted. */
  take(socket: Socket): void;
  /** Ends streams, and every connection behind its next answer; resolves when none is left. */
  leave(): Promise<void>;
}

const POLL_MS = 20;

export function createListener(deps: ListenerDeps, options: DoorOptions): OwnListener {
  const poison = new PoisonList(options, deps.onTrouble);
  const context = createContext(deps, poison, options, () => prober.round());
  const connectionOf = createConnections(options, deps.secure?.hsts ?? null);
  const front = deps.secure?.front(context, connectionOf) ?? plainFront(options);
  const { server } = front;
  const sockets = openSockets(front, deps.figures.clients);
  const { closeWebSockets } = connectHandlers(front, context, connectionOf);
  const look = slowReaders(front, sockets, connectionOf, options);
  const stopTimers = startTimers(context, look, deps.onTrouble);
  const prober = proberOf(context, deps.onTrouble);

  const cut = () => {
    context.closing = true;
    stopTimers();
    prober.stop();
    front.stop();
    server.close();
    for (const socket of sockets) socket.destroy();
    for (const { connections } of context.pool.all()) connections.destroy();
  };
  return {
    ...{ pool: context.pool, poison, retryPolicy: context.retryPolicy, starts: context.starts },
    ...{ socket: server, listens: () => server.listening },
    listen: () => listen(server, options, OTHER_PORT),
    take: takenBy(server),
    async leave() {
      context.closing = true;
      closeWebSockets();
      front.goAway();
      while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      cut();
    },
    async close(deadlineMs, idleMs = 0) {
      context.closing = true;
      // http's own would end idle connections at once.
      NetServer.prototype.close.call(server);
      closeWebSockets();
      front.goAway();
      context.starts.dismissAll();
      await emptied(server, sockets, deadlineMs, idleMs);
      cut();
    },
    cut,
  };
}

/** Node looks for clients that are too slow from the moment on at which a server listens: this one never does. */
function takenBy(server: Server): (socket: Socket) => void {
  let isWatched = false;
  return (socket) => {
    if (!isWatched) server.emit('listening');
    isWatched = true;
    // As the sockets of a server that listens are: a client may end its side first.
    socket.allowHalfOpen = true;
    server.emit('connection', socket);
  };
}

function proberOf({ pool, options, name }: DoorContext, log: (line: string) => void) {
  return createProber(pool, { ...options, via: `1.1 ${name}` }, log);
}

function slowReaders(
  front: Front,
  sockets: ReadonlySet<Socket>,
  connectionOf: (socket: Socket) => Connection,
  { bodyIdleMs }: DoorOptions,
): (nowMs: number) => void {
  return (nowMs) => {
    cutUnread(sockets, connectionOf, nowMs, bodyIdleMs);
    front.look(nowMs);
  };
}

function plainFront(options: DoorOptions): Front {
  const server = createHttpServer(options);
  return { server, opened: 'connection', goAway() {}, look() {}, stop() {} };
}

function connectHandlers(
  { server, opened }: Front,
  context: DoorContext,
  connectionOf: (socket: Socket) => Connection,
) {
  const answer = (
    request: IncomingMessage,
    response: ServerResponse,
    expected: Expected = 'nothing',
  ) => receive(context, connectionOf(request.socket), request, response, expected);
  const upgrades = createUpgrades(context, connectionOf, (socket) => {
    server.emit(opened, socket);
  });
  server.on(opened, stopAtUpgrades);
  server.on('request', (request, response) => answer(request, response));
  server.on('checkContinue', (request, response) => answer(request, response, 'continue'));
  server.on('checkExpectation', (request, response) => answer(request, response, 'more'));
  server.on('upgrade', upgrades.handle);
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    refuseRaw(context, connectionOf(socket), request, notPassed('CONNECT'));
  });
  server.on('clientError', (error, socket) => {
    refuseConnection(context, connectionOf(socket as Socket), error);
  });
  return { closeWebSockets: () => upgrades.close() };
}

function createConnections(
  options: DoorOptions,
  hsts: string | null,
): (socket: Socket) => Connection {
  const connections = new WeakMap<Socket, Connection>();
  const trusts = createAllow(options.trustProxy);
  return (socket) => {
    const known = connections.get(socket);
    if (known) return known;
    const made = createConnection(socket, trusts, hsts);
    connections.set(socket, made);
    return made;
  };
}
