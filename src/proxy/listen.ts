import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cannotListen } from '../errors.ts';

const BACKLOG = 4_096;
const OTHER_PORT = 'End what holds it, or choose another port';

/**
 * Listens, and says which port it is.
 * @throws FailedError `port-in-use`, `port-denied` or `listen`
 */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(cannotListen({ host, port }, OTHER_PORT, error)),
    );
    server.listen({ host, port, backlog: BACKLOG }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
