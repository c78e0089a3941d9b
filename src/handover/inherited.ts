import type { SocketActivation } from '../child-env.ts';
import { UsageError } from '../errors.ts';
import type { OpenSocket, Place } from '../listen.ts';
import { quote } from '../text.ts';
import type { SocketName } from './conversation.ts';

/** A socket that was there at the start. */
export interface Inherited extends Place {
  readonly name: SocketName;
  readonly open: OpenSocket;
}

const FIRST_FD = 3;
const MOST = 2;

/**
 * The sockets that systemd, or whoever does the like, has opened for us: one that is called `admin`, or
 * the second one, is the admin listener's, the other one the door's.
 * @param addressOf where a descriptor of ours listens for TCP; null for nowhere
 * @throws UsageError for what cannot be used
 */
export function inheritedSockets(
  given: SocketActivation | null,
  pid: number,
  addressOf: (fd: number) => Place | null,
): Inherited[] {
  if (given === null || given.pid !== String(pid)) return [];
  const count = Number(given.count);
  if (!/^\d{1,3}$/.test(given.count) || count > MOST) {
    const message = `LISTEN_FDS ${quote(given.count)} are not the sockets of a door`;
    throw new UsageError(
      message,
      'Give it one socket for the door, and one for its admin listener',
    );
  }
  const called = (given.names ?? '').split(':').slice(0, count);
  const admin = called.includes('admin') ? called.indexOf('admin') : 1;
  return Array.from({ length: count }, (_, at) => {
    const fd = FIRST_FD + at;
    const place = addressOf(fd);
    if (place === null) throw noListener(fd);
    const name = at === admin ? 'admin' : 'door';
    return { ...place, name, open: (server, backlog) => void server.listen({ fd, backlog }) };
  });
}

function noListener(fd: number): UsageError {
  const message = `the socket that was handed to meowctl as descriptor ${fd} does not listen for TCP`;
  return new UsageError(message, 'In its socket unit, use ListenStream= with a port');
}
