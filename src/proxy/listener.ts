import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { viaName } from '../ids.ts';
import { listen, OTHER_PORT } from '../listen.ts';
import type { DoorFigures } from '../metrics/door-figures.ts';
import type { Tally } from '../metrics/tally.ts';
import { type Connection, createConnection } from './client/connection.ts';
import { stopAtUpgrades } from './client/ignored-upgrade.ts';
import { refuseConnection } from './client/parse-errors.ts';
import { refuseRaw } from './client/raw-refusal.ts';
import { notPassed } from './client/request-checks.ts';
import type { Answered, DoorContext } from './exchange/context.ts';
import { PoisonList } from './exchange/poison.ts';
import { type Expected, receive } from './exchange/receive.ts';
import { RetryPolicy } from './exchange/retry-policy.ts';
import { StartQueue } from './exchange/start-queue.ts';
import { createHttpServer } from './http-server.ts';
import type { DoorOptions } from './options.ts';
import type { RequestNotes } from './request-notes.ts';
import type { Sticky } from './sticky/cookie.ts';
import { startTimers } from './timers.ts';
import { createAllow, createDenial } from './upstream/address-policy.ts';
import { createBalancer } from './upstream/balancer.ts';
import { ConnectionPool } from './upstream/connection.ts';
import { type PoolDeps, UpstreamPool } from './upstream/pool.ts';
import { createProber } from './upstream/probe.ts';
import { createUpgrades } from './websocket/upgrade.ts';

export interface ListenerDeps {
  readonly sticky: Sticky | null;
  /** Where all that is to be shown is counted. */
  readonly figures: DoorFigures;
  /** Where requests that had trouble are remembered. */
  readonly notes: RequestNotes;
  /** The door's id. */
  readonly id: string;
  readonly onAnswer: ((answered: Answered) => void) | null;
  /** A request for a picture whose client did not get it. */
  readonly onUndelivered: (attempt: string) => void;
  /** The pool changed, or a draining server has nothing queued any more. */
  readonly onChange: () => void;
  /** An upstream is about to enter a state. */
  readonly onTurn: PoolDeps['onTurn'];
  /** One line about something that an operator should look at. */
  readonly onTrouble: (line: string) => void;
}

/** The door's listener and all it needs to answer; what it may use is put into `pool`. */
export interface Listener {
  readonly pool: UpstreamPool;
  readonly poison: PoisonList;
  readonly starts: StartQueue;
  /** @throws FailedError `port-in-use` */
  listen(): Promise<number>;
  /** Stops accepting, finishes what is in flight, cuts the rest after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
  /** Cuts everything now. */
  cut(): void;
}

const POLL_MS = 20;
const FRESH_MS = 250;

export function createListener(deps: ListenerDeps, options: DoorOptions): Listener {
  const context = createContext(deps, options, () => prober.round());
  const server = createHttpServer(options);
  const sockets = openSockets(server, deps.figures.clients);
  const { closeWebSockets } = connectHandlers(server, context, options);
  const stopTimers = startTimers(context, deps.onTrouble);
  const prober = createProber(
    context.pool,
    { ...options, via: `1.1 ${context.name}` },
    deps.onTrouble,
  );

  const cut = () => {
    context.closing = true;
    stopTimers();
    prober.stop();
    server.close();
    for (const socket of sockets) socket.destroy();
    for (const { connections } of context.pool.all()) connections.destroy();
  };
  return {
    pool: context.pool,
    poison: context.poison,
    starts: context.starts,
    listen: () => listen(server, options, OTHER_PORT),
    async close(deadlineMs) {
      context.closing = true;
      server.close();
      closeWebSockets();
      context.starts.dismissAll();
      await emptied(server, sockets, deadlineMs);
      cut();
    },
    cut,
  };
}

/**
 * Node's own listener goes when a connection is upgraded or given back, and an error that nobody hears
 * ends the process. Whoever uses the socket sees its end.
 */
const hearErrors = () => {};

function openSockets(server: Server, bytes: DoorFigures['clients']): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    // It comes again behind an upgrade that is ignored.
    if (sockets.has(socket)) return;
    sockets.add(socket);
    bytes.opened(socket);
    const closed = () => {
      sockets.delete(socket);
      bytes.closed(socket);
    };
    socket.once('close', closed).on('error', hearErrors);
  });
  return sockets;
}

function connectHandlers(server: Server, context: DoorContext, options: DoorOptions) {
  const connectionOf = createConnections(options);
  const answer = (
    request: IncomingMessage,
    response: ServerResponse,
    expected: Expected = 'nothing',
  ) => receive(context, connectionOf(request.socket), request, response, expected);
  const upgrades = createUpgrades(context, connectionOf, (socket) => {
    server.emit('connection', socket);
  });
  server.on('connection', stopAtUpgrades);
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

// Node counts a connection that never sent a byte as busy. It gets a moment: its request may be on
// the wire.
async function emptied(server: Server, sockets: ReadonlySet<Socket>, deadlineMs: number) {
  const startMs = performance.now();
  for (;;) {
    const waitedMs = performance.now() - startMs;
    server.closeIdleConnections();
    if (waitedMs > FRESH_MS) {
      // The last answer on one that is ended is out.
      for (const socket of sockets) {
        if (socket.bytesRead === 0 || socket.writableFinished) socket.destroy();
      }
    }
    if (sockets.size === 0 || waitedMs > deadlineMs) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function createContext(
  deps: ListenerDeps,
  options: DoorOptions,
  onSuspect: () => void,
): DoorContext {
  const nowMs = () => performance.now();
  const deny = createDenial(createAllow(options.allowBackends), options, options.alsoOurs);
  const { figures, notes, onTurn } = deps;
  const openConnections = (url: string, { bytes }: Tally, onCut: () => void) =>
    new ConnectionPool(url, { ...options, bytes }, onCut);
  const pool = new UpstreamPool(
    { figures, openConnections, deny, onTurn, onSuspect, nowMs },
    options,
  );
  const salt = randomBytes(9).toString('base64url');
  let attempts = 0;
  return {
    options,
    name: viaName(deps.id),
    pool,
    balancer: createBalancer(options.balance, options.maxInflight),
    retryPolicy: new RetryPolicy(options),
    poison: new PoisonList(options, deps.onTrouble),
    starts: new StartQueue(pool, options, nowMs),
    figures: options.figures ? figures : null,
    notes,
    sticky: deps.sticky,
    onAnswer: deps.onAnswer,
    onUndelivered: deps.onUndelivered,
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
