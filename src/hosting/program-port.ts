import { createServer, type Server } from 'node:net';

const LOWEST = 1_024;
const RANGE = 65_536 - LOWEST;
const TRIES = 5;
const LOOPBACKS = ['127.0.0.1', '::1'];

/** A port kept free for a program that is about to start. */
export interface ReservedPort {
  release(): Promise<void>;
}

/**
 * The ports that the program of one server may be given. Made from the port that the server holds,
 * so that two servers of a machine never want the same, and below those that systems give to
 * outgoing connections.
 * @param step from one of them to the next
 */
export function innerPorts(outer: number, step: number): number[] {
  return Array.from({ length: TRIES }, (_, at) => {
    const offset = outer - LOWEST + (at + 1) * step;
    return LOWEST + (offset % RANGE);
  });
}

/** Binds it, or null when somebody else has it. */
export async function reservePort(port: number): Promise<ReservedPort | null> {
  const servers: Server[] = [];
  const release = async () => {
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  };
  for (const host of LOOPBACKS) {
    const bound = await bind(host, port);
    if (bound === 'taken') {
      await release();
      return null;
    }
    if (bound !== 'no-such-address') servers.push(bound);
  }
  return { release };
}

function bind(host: string, port: number): Promise<Server | 'taken' | 'no-such-address'> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'EADDRINUSE' || code === 'EACCES' ? 'taken' : 'no-such-address'),
    );
    server.listen({ host, port }, () => resolve(server));
  });
}
