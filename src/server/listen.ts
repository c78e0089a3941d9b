import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FailedError } from '../errors.ts';
import { quote } from '../text.ts';

const LAST_PORT = 65_535;

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
    if (fixedPort !== null || error.code !== 'EADDRINUSE') throw cannotListen(host, port, error);
  }
  throw new FailedError('no-port', `no port from ${firstPort} up is free`, 'End what holds them');
}

function bind(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error);
    server.once('error', failed);
    server.listen({ host, port, backlog: 1_024 }, () => {
      server.off('error', failed);
      resolve(null);
    });
  });
}

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): FailedError {
  if (cause.code === 'EADDRINUSE') {
    const remedy = 'Choose another with --port, or leave it out';
    return new FailedError('port-in-use', `port ${port} is in use`, remedy, { cause });
  }
  if (cause.code === 'EACCES') {
    const remedy = 'Use a port from 1024 up';
    return new FailedError('port-denied', `port ${port} needs root's rights`, remedy, { cause });
  }
  const message = `cannot listen on ${quote(host)}: ${cause.code}`;
  return new FailedError('listen', message, 'Use an address of this machine', { cause });
}
