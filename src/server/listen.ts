import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cannotListen, FailedError } from '../errors.ts';

const LAST_PORT = 65_535;
const OTHER_PORT = 'Choose another with --port, or leave it out';

export interface ListenOptions {
  readonly host: string;
  /** Exactly this one, or null for the first free one. */
  readonly fixedPort: number | null;
  readonly firstPort: number;
}

/**
 * Binds: a port is free when binding it works, so two servers never get the same.
 * @throws FailedError `port-in-use`, or what else keeps a fixed port from us
 */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const { host, fixedPort, firstPort } = options;
  for (let port = fixedPort ?? firstPort; port <= LAST_PORT; port++) {
    const error = await bind(server, host, port);
    if (!error) return (server.address() as AddressInfo).port;
    if (fixedPort !== null || error.code !== 'EADDRINUSE')
      throw cannotListen({ host, port }, OTHER_PORT, error);
  }
  throw new FailedError('no-port', `no port from ${firstPort} up is free`, 'End what holds them');
}

function bind(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const settle = (error: NodeJS.ErrnoException | null) => {
      server.off('error', settle).off('listening', bound);
      resolve(error);
    };
    const bound = () => settle(null);
    server.once('error', settle).once('listening', bound);
    server.listen({ host, port, backlog: 1_024 });
  });
}
