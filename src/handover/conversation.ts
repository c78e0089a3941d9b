import { connect, type Socket } from 'node:net';
import type { Place } from '../listen.ts';

/*
 * What two processes of one state folder say to each other over a Unix socket when one takes the place of
 * the other: JSON objects, one a line. The newer one asks, the older one answers each.
 *
 *   about    who is there, and where it listens
 *   ask      begin: from here on nobody else may
 *   socket   on a connection of its own: the listening socket comes back on it (pass-socket.ts)
 *   release  all serves: let go of what only one may hold
 *   taken    it is held here now: leave
 *
 * Until `taken` the older one goes on as if nothing had happened when the connection ends.
 */

export type SocketName = 'door' | 'admin';

/** Where a door listens, both of it. */
export type Places = Readonly<Record<SocketName, Place | null>>;

export interface About {
  readonly pid: number;
  readonly version: string;
  readonly places: Places;
  /** Its sockets came from elsewhere: what a command line says of ports does not count. */
  readonly inherited: boolean;
}

export type Word =
  | { readonly word: 'about' | 'release' | 'taken' | 'released' }
  | { readonly word: 'ask'; readonly pid: number }
  | { readonly word: 'granted'; readonly key: string }
  | { readonly word: 'refused'; readonly message: string; readonly remedy: string }
  | { readonly word: 'socket'; readonly name: SocketName; readonly key: string }
  | ({ readonly word: 'here' } & About);

const MAX_LINE = 16 * 1_024;

export function say(socket: Socket, word: Word): void {
  if (socket.writable) socket.write(`${JSON.stringify(word)}\n`);
}

/** Tells each word that comes; what is none ends the connection. */
export function hear(socket: Socket, tell: (word: Word) => void): void {
  let text = '';
  socket.on('error', () => {}); // `close` follows
  socket.setEncoding('utf8').on('data', (more: string) => {
    const lines = (text + more).split('\n');
    text = lines.pop() ?? '';
    for (const word of lines.map(parse)) {
      if (word === null) socket.destroy();
      else tell(word);
    }
    if (text.length > MAX_LINE) socket.destroy();
  });
}

/** @throws the system's error where nobody listens there */
export function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

// The folder is ours alone, and so is what is said there; a newer version may say more.
function parse(line: string): Word | null {
  try {
    const said = JSON.parse(line) as Word | null;
    return typeof said?.word === 'string' ? said : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
