import { Client, type Dispatcher } from 'undici';
import type { SocketBytes } from '../../metrics/socket-bytes.ts';
import { isCut, isStray } from './failure.ts';
import { type AttemptHandler, type Open, PausableConnection } from './pausable-connection.ts';
import { type Peer, type ReachLimits, reach } from './reach.ts';

export interface ConnectionOptions extends ReachLimits {
  readonly doorIdleMs: number;
  readonly maxHeaderBytes: number;
  /** Where the bytes of its sockets are counted. */
  readonly bytes: Pick<SocketBytes, 'follow'>;
}

const BODY_EXPECTED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

class PooledClient extends Client {
  readonly #connection: PausableConnection;
  /** Its last request was one that some servers misread. */
  misread = false;
  #misreadBefore = false;

  constructor(
    origin: string,
    options: ConnectionOptions,
    open: Open,
    onFree: (client: PooledClient) => void,
  ) {
    const connection = new PausableConnection(open, () => onFree(this));
    super(origin, {
      connect: connection.connect,
      keepAliveTimeout: options.doorIdleMs,
      keepAliveMaxTimeout: options.doorIdleMs,
      maxHeaderSize: options.maxHeaderBytes,
      // The door has one timer for all requests: three fewer for each.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#connection = connection;
  }

  send(options: Dispatcher.DispatchOptions, handler: AttemptHandler): void {
    this.#misreadBefore = this.misread;
    this.misread = isMisread(options);
    this.#connection.assign(handler);
    this.dispatch(options, handler);
  }

  /** Bytes on it that make no sense may be the rest of such a request. */
  get mayHaveLeft(): boolean {
    return this.misread || this.#misreadBefore;
  }
}

/** Whose connections they are. */
export interface ServerEnd {
  peer(): Peer;
  /** It ended a connection without having announced it. */
  onCut(): void;
}

/**
 * Connections to one server, each with one request at most. Their number is bounded by the requests
 * in flight, not here. The one that was used last is used next; undici's own Pool searches from the
 * first one on, and emits an event for every change.
 */
export class ConnectionPool {
  readonly #origin: string;
  readonly #options: ConnectionOptions;
  readonly #server: ServerEnd;
  readonly #all: PooledClient[] = [];
  readonly #free: PooledClient[] = [];
  /** It has sent more than the answer to such a request. */
  #misreads = false;
  #closed = false;

  constructor(origin: string, options: ConnectionOptions, server: ServerEnd) {
    this.#origin = origin;
    this.#options = options;
    this.#server = server;
  }

  /** Connects a socket to the server, for what is not to be dispatched. `done` is called once. */
  readonly open: Open = (socket, done) => {
    this.#options.bytes.follow(socket);
    reach(socket, this.#server.peer(), this.#options, done);
  };

  dispatch(options: Dispatcher.DispatchOptions, handler: AttemptHandler): void {
    const client = this.#free.pop() ?? this.#open();
    options.reset = this.#misreads && isMisread(options);
    client.send(options, handler);
  }

  /** Closes each connection when its request is over. Nothing must be dispatched after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const client of this.#all) void client.close();
  }

  /** Cuts what is under way. */
  destroy(): void {
    this.#closed = true;
    for (const client of this.#all) void client.destroy();
  }

  #open(): PooledClient {
    const free = (client: PooledClient) => this.#rest(client);
    const client = new PooledClient(this.#origin, this.#options, this.open, free);
    client.on('disconnect', (_origin, _clients, error) => {
      if (isStray(error) && client.mayHaveLeft) this.#misreads = true;
      if (!this.#closed && isCut(error)) this.#server.onCut();
    });
    this.#all.push(client);
    return client;
  }

  // It is used again last, so that stray bytes have the most time to arrive.
  #rest(free: PooledClient): void {
    if (free.misread) this.#free.unshift(free);
    else this.#free.push(free);
  }
}

/**
 * Some servers send a body with HEAD, or take the body of a GET for the next request, so undici closes
 * the connection after each. Ours do neither; a server that does is detected by the stray bytes.
 */
function isMisread({ method, body }: Dispatcher.DispatchOptions): boolean {
  return method === 'HEAD' || (!!body && !BODY_EXPECTED.has(method));
}
