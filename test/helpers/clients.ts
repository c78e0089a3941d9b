import { Agent, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { until } from './until.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
  /** Who answered, by the door's word. */
  readonly by: string | undefined;
}

/** One request; rejects when the answer is cut. */
export function ask(
  port: number,
  path = '/',
  options: RequestOptions & { body?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (answer) => {
      let text = '';
      answer.setEncoding('latin1');
      answer.on('data', (piece: string) => {
        text += piece;
      });
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          rawHeaders: answer.rawHeaders,
          trailers: answer.trailers,
          body: text,
          by: answer.headers['x-served-by'] as string | undefined,
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks `count` times in turn over one connection and tells who answered. */
export async function rotation(port: number, count: number): Promise<(string | undefined)[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const by: (string | undefined)[] = [];
  for (let at = 0; at < count; at += 1) by.push((await ask(port, '/', { agent })).by);
  agent.destroy();
  return by;
}

/** Sends bytes and gives back all that comes until the door closes, or until `done` says so. */
export function exchange(
  port: number,
  bytes: string | Buffer,
  done: (text: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    );
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (done(text)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(text));
  });
}

/** Sends frames of a WebSocket until nobody takes more. */
export async function flood(socket: Socket, masked = true): Promise<void> {
  const head = [0x82, masked ? 0xfe : 0x7e, 0xfd, 0xe8, ...(masked ? [0, 0, 0, 0] : [])];
  const frame = Buffer.concat([Buffer.from(head), Buffer.alloc(65_000)]);
  const more = () => {
    while (socket.write(frame)) {}
  };
  socket.on('drain', more);
  more();
  let [before, sinceMs] = [-1, 0];
  await until('nothing more is taken', () => {
    const taken = socket.bytesWritten - socket.writableLength;
    if (taken !== before) [before, sinceMs] = [taken, performance.now()];
    return performance.now() - sinceMs > 400;
  });
}

export interface RawServer {
  readonly port: number;
  readonly sockets: Set<Socket>;
  /** All bytes that reached it, health checks included. */
  received(): string;
  /** Those that are connected stay. */
  stopListening(): void;
  stop(): Promise<void>;
}

/** A server that speaks bytes. `act` is called with each connection's bytes so far. */
export function startRaw(act: (socket: Socket, text: string) => void, at = 0): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let all = '';
  const server: Server = createServer((socket) => {
    let text = '';
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      all += piece.toString('latin1');
      act(socket, text);
    });
  });
  return new Promise((resolve) => {
    server.listen(at, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address ? address.port : 0,
        sockets,
        received: () => all,
        stopListening: () => void server.close(),
        stop() {
          for (const socket of sockets) socket.destroy();
          return new Promise((ended) => server.close(() => ended()));
        },
      });
    });
  });
}
