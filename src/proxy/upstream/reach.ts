import type { Socket } from 'node:net';
import { reason } from '../../text.ts';
import { timedOut, unproven } from './failure.ts';
import { askWho, type Introduction } from './introduction.ts';
import { judge, type ProbeResult } from './probe.ts';
import { hostname, type Upstream } from './upstream.ts';

export interface ReachLimits {
  /** For the connection. */
  readonly doorConnectMs: number;
  /** For the server's word on who it is. */
  readonly responseHeaderMs: number;
  /** The door's Via. */
  readonly via: string;
}

/** A server that is connected to, and who hears what it says of itself. */
export interface Peer {
  readonly upstream: Upstream;
  tell(result: ProbeResult): void;
}

type Done = (error: Error | null) => void;

/**
 * Connects a socket to a server. One whose record says that it proves its id has to, before anything
 * else is sent: it may have died, and somebody else have its address now.
 * @param done called once; with an error the socket is of no use any more
 */
export function reach(socket: Socket, peer: Peer, limits: ReachLimits, done: Done): void {
  const { upstream } = peer;
  const { doorConnectMs } = limits;
  const settle = (error: Error | null) => {
    clearTimeout(timer);
    socket.off('error', settle);
    if (error || !upstream.provesId) done(error);
    else prove(socket, peer, limits, done);
  };
  const timer = setTimeout(() => socket.destroy(timedOut(doorConnectMs)), doorConnectMs);
  socket.once('error', settle);
  socket.connect(upstream.port, hostname(upstream), () => settle(null));
}

function prove(
  socket: Socket,
  { upstream, tell }: Peer,
  { responseHeaderMs, via }: ReachLimits,
  done: Done,
): void {
  const late = unproven(`it did not say in ${responseHeaderMs} ms who it is`);
  const timer = setTimeout(() => socket.destroy(late), responseHeaderMs);
  const settle = (error: Error | null) => {
    clearTimeout(timer);
    socket.off('error', broken).off('close', closed);
    if (error) socket.on('error', () => {}).destroy();
    done(error);
  };
  const broken = (error: NodeJS.ErrnoException) => {
    if (error.syscall === undefined) return settle(error); // the door's own doing
    tell({ kind: 'bad', why: reason(error) });
    settle(unproven(`it broke off before it said who it is: ${reason(error)}`));
  };
  const closed = () =>
    broken(Object.assign(new Error('the connection ended'), { syscall: 'read' }));
  socket.once('error', broken).once('close', closed);
  const { host, port, health: path } = upstream;
  askWho(socket, { host, port, path, via }, (answer) => {
    const result = verdict(upstream, answer);
    if (result !== null) tell(result);
    if (result === null && answer?.stays) return settle(null);
    settle(unproven(result && 'why' in result ? result.why : 'it takes nothing more'));
  });
}

/** @returns null where it is who it should be, however its app is */
function verdict(upstream: Upstream, answer: Introduction | null): ProbeResult | null {
  const why = 'somebody else answers at its address';
  if (answer === null) return { kind: 'stranger', why };
  const result = judge(upstream, answer.status, answer.body);
  if (result.kind === 'nameless') return { kind: 'stranger', why };
  return result.kind === 'stranger' || result.kind === 'draining' ? result : null;
}
