import { connect } from 'node:net';
import { isOfSystem } from '../../expected-errors.ts';
import { repeat } from '../../loop.ts';
import { deathSockets } from './socket.ts';

/**
 * Holds a connection to every reconciler of this state folder open, for as long as this process lives;
 * to one that comes later, from the next beat on. What the system refuses does no harm.
 * @param sinceMs since when it serves, monotonic
 * @param everyMs how often it looks for reconcilers
 */
export function holdLivenessConnections(
  home: string,
  id: string,
  sinceMs: number,
  everyMs: number,
  log: (line: string) => void,
): void {
  const open = new Set<string>();
  const connectTo = (path: string) => {
    const connection = connect(path);
    open.add(path);
    connection.unref().resume();
    connection.once('connect', () => {
      connection.write(`${id} ${Math.round(performance.now() - sinceMs)}\n`);
    });
    connection.on('error', () => {});
    connection.once('close', () => open.delete(path));
  };
  repeat({
    name: 'keepers',
    every: () => everyMs,
    work() {
      for (const path of deathSockets(home)) if (!open.has(path)) connectTo(path);
    },
    log,
    isTold: isOfSystem,
    unref: true,
  }).soon();
}
