import { type ChildProcess, spawn } from 'node:child_process';
import type { Server, Socket } from 'node:net';

/*
 * A listening socket goes from one process to another that is not its child. Node sends one only over the
 * channel to a child, which NODE_CHANNEL_FD names; so helpers (scripts/runtime/pass-socket.cjs) have one
 * end of a Unix connection for their channel:
 *
 *   older ── inherits ──▶ helper ══ connection ══▶ helper ── inherits ──▶ helper ══ channel ══▶ newer
 *
 * Each helper holds it for one turn of its loop, and accepts nothing.
 */

export interface Helper {
  readonly execPath: string;
  /** pass-socket.cjs, as it was built. */
  readonly file: string;
}

/** The descriptor that a helper finds its connection at. */
const CHANNEL_FD = 3;

/** Gives a listening socket to whoever asks on this connection, which is the helper's from then on. */
export function sendSocket(
  connection: Socket,
  server: Server,
  backlog: number,
  { execPath, file }: Helper,
): ChildProcess {
  const child = spawn(execPath, [file, 'send', String(backlog)], {
    stdio: ['ignore', 'ignore', 'ignore', connection, descriptorOf(server)],
    env: { NODE_CHANNEL_FD: String(CHANNEL_FD) },
  });
  connection.destroy();
  return child;
}

/** A socket as Node has it: unlike a server, it accepts nothing before it is listened on. */
interface Handle {
  readonly fd: number;
  close(): void;
}

function isHandle(sent: unknown): sent is Handle {
  return typeof (sent as Partial<Handle> | undefined)?.fd === 'number';
}

/** Null where it does not listen: then the helper finds no socket, and says nothing. */
function descriptorOf(server: Server): number | 'ignore' {
  const { _handle: handle } = server as unknown as { readonly _handle: { fd: number } | null };
  return handle?.fd ?? 'ignore';
}

/**
 * Receives what `sendSocket` gives at the other end.
 * @param use in the same turn in which it comes: from then on connections are accepted here
 * @throws Error where it does not come
 */
export function receiveSocket(
  connection: Socket,
  backlog: number,
  { execPath, file }: Helper,
  withinMs: number,
  use: (socket: Handle) => void,
): Promise<void> {
  // Node says which descriptor the channel is; env(1) has the last word.
  const child = spawn(
    '/usr/bin/env',
    [`NODE_CHANNEL_FD=${CHANNEL_FD}`, execPath, file, 'receive', String(backlog)],
    { stdio: ['ignore', 'ignore', 'ignore', connection, 'ipc'], env: {} },
  );
  connection.destroy();
  return new Promise((resolve, reject) => {
    let isWaiting = true;
    const settle = (end: () => void) => {
      if (!isWaiting) return;
      isWaiting = false;
      clearTimeout(limit);
      end();
    };
    const fail = (why: string) =>
      settle(() => {
        child.kill('SIGKILL');
        reject(new Error(why));
      });
    const limit = setTimeout(() => fail('it did not come in time'), withinMs);
    child.once('error', ({ message }) => fail(message));
    child.once('exit', (code) => code !== 0 && fail('it did not come'));
    child.once('message', (_, socket) => {
      if (!isHandle(socket)) return fail('it did not come');
      // Nobody waits for it any more: whoever listens there has it too.
      if (!isWaiting) return void socket.close();
      use(socket);
      settle(resolve);
    });
  });
}
