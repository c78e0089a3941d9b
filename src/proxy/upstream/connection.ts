import { type buildConnector, Client, type Dispatcher } from 'undici';
import { ReadFirstSocket } from '../../http/read-first-socket.ts';
import type { SocketBytes } from '../../metrics/socket-bytes.ts';
import { isCut, isStray } from './failure.ts';

export interface ConnectionOptions {
  readonly doorConnectMs: number;
  readonly doorIdleMs: number;
  readonly maxHeaderBytes: number;
  /** Where the bytes of its sockets are counted. */
  readonly bytes: Pick<SocketBytes, 'follow'>;
}

/** How a request's reader slows its server down. */
export interface FlowControl {
  /** Reads no more from the server: its sends fill the kernel's buffers, then it has to wait. */
  pause(): void;
  resume(): void;
  /** Ends the connection under the request, which then fails with this error. */
  destroy(error: Error): void;
  /** The request is over, whether it failed or not. */
  finish(): void;
  /** The connection broke: an answer that ends with it is not whole, although undici says so. */
  readonly wasReset: boolean;
}

/** What a connection asks of the request that it is given. */
export interface AttemptHandler extends Dispatcher.DispatchHandler {
  /** Called with the connection, before the request is sent. */
  attach(flow: FlowControl): void;
}

const KEEP_ALIVE_PROBE_MS = 60_000;
const BODY_EXPECTED: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * One connection to a server, with at most one request on it.
 *
 * undici 7.30 pauses its own parser when `onData` returns false, and ends the process (an assertion
 * in an event handler) when the server closes or resets a connection in that state: a slow reader
 * and one `Connection: close` are enough. So back-pressure is applied one step earlier, here.
 */
class UpstreamConnection implements FlowControl {
  #socket: PausableSocket | null = null;
  readonly #options: ConnectionOptions;
  readonly #onFree: () => void;

  constructor(options: ConnectionOptions, onFree: () => void) {
    this.#options = options;
    this.#onFree = onFree;
  }

  assign(handler: AttemptHandler): void {
    handler.attach(this);
  }

  finish(): void {
    this.resume();
    this.#onFree();
  }

  pause(): void {
    if (this.#socket) this.#socket.paused = true;
  }

  resume(): void {
    const socket = this.#socket;
    if (!socket?.paused) return;
    socket.paused = false;
    socket.emit('readable');
  }

  get wasReset(): boolean {
    return this.#socket?.wasReset ?? false;
  }

  // Not by undici's own abort, which opens another connection for the request that is gone.
  destroy(error: Error): void {
    this.#socket?.destroy(error);
  }

  readonly connect: buildConnector.connector = ({ hostname, port }, done) => {
    const socket = new PausableSocket();
    const failed = (error: Error) => {
      clearTimeout(timer);
      done(error, null);
    };
    const { doorConnectMs, bytes } = this.#options;
    const timer = setTimeout(() => socket.destroy(timedOut(doorConnectMs)), doorConnectMs);
    bytes.follow(socket.once('error', failed));
    socket.connect(Number(port), hostname, () => {
      clearTimeout(timer);
      socket.off('error', failed);
      this.#socket = socket;
      done(null, socket);
    });
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
  };
}

class PooledClient extends Client {
  readonly #connection: UpstreamConnection;
  /** Its last request was one that some servers misread. */
  misread = false;
  #misreadBefore = false;

  constructor(origin: string, options: ConnectionOptions, onFree: (client: PooledClient) => void) {
    const connection = new UpstreamConnection(options, () => onFree(this));
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

/**
 * Connections to one server, each with one request at most. Their number is bounded by the requests
 * in flight, not here. The one that was used last is used next; undici's own Pool searches from the
 * first one on, and emits an event for every change.
 */
export class ConnectionPool {
  readonly #origin: string;
  readonly #options: ConnectionOptions;
  readonly #onCut: () => void;
  readonly #all: PooledClient[] = [];
  readonly #free: PooledClient[] = [];
  /** It has sent more than the answer to such a request. */
  #misreads = false;
  #closed = false;

  /** @param onCut called when the other side ends a connection without having announced it */
  constructor(origin: string, options: ConnectionOptions, onCut: () => void) {
    this.#origin = origin;
    this.#options = options;
    this.#onCut = onCut;
  }

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
    const client = new PooledClient(this.#origin, this.#options, (free) => this.#rest(free));
    client.on('disconnect', (_origin, _clients, error) => {
      if (isStray(error) && client.mayHaveLeft) this.#misreads = true;
      if (!this.#closed && isCut(error)) this.#onCut();
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

function timedOut(afterMs: number): Error {
  return Object.assign(new Error(`no connection in ${afterMs} ms`), { code: 'ETIMEDOUT' });
}

const READ_BYTES = 64 * 1_024;
/** More than the largest piece with a head, so that a write that the kernel takes pauses nothing. */
const WRITE_BYTES = 128 * 1_024;

/** A socket that can be paused without its reader noticing: while it is there is nothing to read. */
class PausableSocket extends ReadFirstSocket {
  paused = false;

  constructor() {
    super({ readableHighWaterMark: READ_BYTES, writableHighWaterMark: WRITE_BYTES });
  }

  override read(size?: number) {
    return this.paused && size !== 0 ? null : super.read(size);
  }
}
