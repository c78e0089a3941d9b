import { createServer, type Socket } from 'node:net';

export interface RecordingServer {
  readonly port: number;
  /** Each request, byte for byte, in the order they came; health checks left out. */
  readonly requests: string[];
  /** What came that is no whole request, of connections that are over too. */
  unread(): string;
  stop(): Promise<void>;
}

/** Reads HTTP/1.1 as its RFC says, so that what was smuggled shows as a request, and answers `ok`. */
export async function startRecording(id: string): Promise<RecordingServer> {
  const requests: string[] = [];
  const sockets = new Map<Socket, string>();
  const server = createServer((socket) => {
    sockets.set(socket, '');
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      let text = sockets.get(socket) + piece.toString('latin1');
      for (let end = endOf(text); end !== -1; end = endOf(text)) {
        const request = text.slice(0, end);
        text = text.slice(end);
        const isHealth = request.startsWith('GET /healthz ');
        if (!isHealth) requests.push(request);
        socket.write(answer(isHealth ? JSON.stringify({ id, state: 'up' }) : 'ok'));
      }
      sockets.set(socket, text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    requests,
    unread: () => [...sockets.values()].join(''),
    stop() {
      for (const socket of sockets.keys()) socket.destroy();
      return new Promise((ended) => server.close(() => ended()));
    },
  };
}

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Where the first request ends; -1 while it is not whole. */
function endOf(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return -1;
  const lines = text.slice(0, head).toLowerCase();
  const body = head + 4;
  if (/\r\ntransfer-encoding: chunked/.test(lines)) {
    return endOfChunks(text, body);
  }
  const end = body + Number(/\r\ncontent-length: (\d+)/.exec(lines)?.[1] ?? 0);
  return text.length >= end ? end : -1;
}

function endOfChunks(text: string, from: number): number {
  const [line, size = ''] = /^([0-9a-f]+)\r\n/.exec(text.slice(from)) ?? [];
  if (line === undefined) return -1;
  const begin = from + line.length;
  // Behind the last one come trailers, if any, and an empty line.
  if (Number.parseInt(size, 16) === 0) {
    const end = text.indexOf('\r\n\r\n', begin - 2);
    return end === -1 ? -1 : end + 4;
  }
  const next = begin + Number.parseInt(size, 16) + 2;
  return text.length < next ? -1 : endOfChunks(text, next);
}
