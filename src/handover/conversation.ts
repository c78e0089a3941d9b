import { connect, type Socket } from 'node:net';
import type { Place } from '../listen.ts';
import {
  type Check,
  isAddress,
  isObject,
  isPid,
  isPort,
  parseObject,
  wrongField,
} from '../model/fields.ts';

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

/** What a door listens with: for its clients, for its operators, and for plain HTTP that is sent on to it. */
export const SOCKET_NAMES = ['door', 'admin', 'redirect'] as const;
export type SocketName = (typeof SOCKET_NAMES)[number];

/** Where each of them listens. */
export type Places = Readonly<Partial<Record<SocketName, Place | null>>>;

export interface About {
  readonly pid: number;
  readonly version: string;
  readonly places: Places;
  /** Sockets that came from elsewhere: what a command line says of their ports does not count. */
  readonly inherited: readonly SocketName[];
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

const isWord: Check = (value) => typeof value === 'string';
const isSocketName: Check = (value) => SOCKET_NAMES.some((name) => name === value);
const areNames: Check = (value) => Array.isArray(value) && value.every(isSocketName);
const isPlaceOrNone: Check = (value) => {
  if (value === null || value === undefined) return true;
  return isObject(value) && wrongField(value, { host: isAddress, port: isPort }) === undefined;
};
const arePlaces: Check = (value) =>
  isObject(value) && SOCKET_NAMES.every((name) => isPlaceOrNone(value[name]));

const fieldsOf = new Map<unknown, Readonly<Record<string, Check>>>([
  ['here', { pid: isPid, version: isWord, places: arePlaces, inherited: areNames }],
  ['ask', { pid: isPid }],
  ['granted', { key: isWord }],
  ['refused', { message: isWord, remedy: isWord }],
  ['socket', { name: isSocketName, key: isWord }],
]);

// A newer version may say more: words that nobody answers to, and fields that nobody reads.
function parse(line: string): Word | null {
  const said = parseObject(line);
  if (said === null || !isWord(said.word)) return null;
  const isWhole = wrongField(said, { ...fieldsOf.get(said.word) }) === undefined;
  return isWhole ? (said as unknown as Word) : null;
}
