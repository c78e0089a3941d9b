import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ReadFirstSocket } from '../http/read-first-socket.ts';

/** Connections to a program. One on which stray bytes arrive is not kept. */
export class RelayAgent extends Agent {
  override createConnection({ host, port }: ClientRequestArgs): Socket {
    const socket = new ReadFirstSocket().setNoDelay(true);
    return socket.connect(Number(port), host ?? '127.0.0.1');
  }

  override keepSocketAlive(socket: Duplex) {
    socket.on('data', end);
    return super.keepSocketAlive(socket);
  }

  override reuseSocket(socket: Duplex, outgoing: ClientRequest): void {
    socket.off('data', end);
    super.reuseSocket(socket, outgoing);
  }
}

function end(this: Duplex): void {
  this.destroy();
}
