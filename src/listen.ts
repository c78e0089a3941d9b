import type { AddressInfo, Server } from 'node:net';
import { LAST_PORT } from './address.ts';
import { FailedError } from './errors.ts';
import { quote } from './text.ts';

/** What to do where a listener's port is taken. */
export const OTHER_PORT = 'End what holds it, or choose another port';

/** Connections that may wait to be accepted; the kernel's own limit is `net.core.somaxconn`. */
export const BACKLOG = 4_096;

export interface Place {
  readonly host: string;
  readonly port: number;
  /** A socket that listens there already. */
  readonly open?: OpenSocket | undefined;
}

/** Has a server listen on a socket that is open: systemd's, or of a process that hands it over. */
export type OpenSocket = (server: Server, backlog: number) => Promise<void> | void;

/**
 * Listens, and says which port it is.
 * @param otherPort the remedy where somebody holds the port
 * @throws FailedError `port-in-use`, `port-denied` or `listen`
 */
export async function listen(server: Server, place: Place, otherPort: string): Promise<number> {
  const error = await bind(server, place);
  if (error) throw cannotListen(place, otherPort, error);
  return portOf(server);
}

/**
 * Listens on the first free port from one on. A port is free when binding it works, so two servers
 * never get the same.
 * @throws FailedError where there is none, or the address cannot be had
 */
export async function listenFrom(server: Server, { host, port: first }: Place): Promise<number> {
  for (let port = first; port <= LAST_PORT; port++) {
    const error = await bind(server, { host, port });
    if (!error) return portOf(server);
    if (error.code !== 'EADDRINUSE') throw cannotListen({ host, port }, '', error);
  }
  throw new FailedError('no-port', `no port from ${first} up is free`, 'End what holds them');
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function bind(server: Server, { host, port, open }: Place): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve, reject) => {
    const settle = (error: NodeJS.ErrnoException | null) => {
      server.off('error', settle).off('listening', bound);
      resolve(error);
    };
    const bound = () => settle(null);
    server.once('error', settle).once('listening', bound);
    if (open) Promise.resolve(open(server, BACKLOG)).catch(reject);
    else server.listen({ host, port, backlog: BACKLOG });
  });
}

/** The words for a port that cannot be had. */
export function cannotListen(
  { host, port }: Place,
  otherPort: string,
  cause: NodeJS.ErrnoException,
): FailedError {
  if (cause.code === 'EADDRINUSE') {
    return new FailedError('port-in-use', `port ${port} is in use`, otherPort, { cause });
  }
  if (cause.code === 'EACCES') {
    const remedy =
      'Use a port from 1024 up, or give it the right: AmbientCapabilities in docs/operations.md';
    return new FailedError('port-denied', `port ${port} needs root's rights`, remedy, { cause });
  }
  const message = `cannot listen on ${quote(host)}: ${cause.code}`;
  return new FailedError('listen', message, 'Use an address of this machine', { cause });
}
