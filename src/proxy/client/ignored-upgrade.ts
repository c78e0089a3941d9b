import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Connection, whenAnswered } from './connection.ts';
import type { RequestHead } from './request-head.ts';

/** What is used here of node's parser: the same from Node 20 to 26. */
interface Parser {
  onIncoming: ((request: IncomingMessage, keepAlive: boolean) => number) | null;
}

/** To node's parser: nothing behind this head is for you. */
const STOP = 2;

const stopped = new WeakSet<IncomingMessage>();

/**
 * Makes node's parser stop behind each head that asks for an upgrade, as up to Node 24 it does by
 * itself. That of Node 26 goes on into the body, and passes over what is wrong with it; so do all
 * of them where the request is not upgraded after all (measured: bad chunks, `xchunked`, and the
 * requests behind are lost without a word).
 */
export function stopAtUpgrades(socket: Socket): void {
  const { parser } = socket as { parser?: Parser | null };
  const onIncoming = parser?.onIncoming;
  if (!parser || !onIncoming) return;
  parser.onIncoming = (request, keepAlive) => {
    if (!(request as { upgrade?: boolean }).upgrade) return onIncoming(request, keepAlive);
    stopped.add(request);
    return STOP;
  };
}

/** Nothing behind its head was read: a body, if it has one, is still to come. */
export function isUnread(request: IncomingMessage, head: RequestHead): boolean {
  return stopped.has(request) || head.lengths + head.codings === 0;
}

/**
 * A server ignores an upgrade to what it does not speak, RFC 9110 §7.8. The head goes through node's
 * parser once more, on the same socket and without its `Upgrade`, then what came behind it: there is
 * no other parser that could read it in another way.
 * @param again gives the socket to the server as if it had just been opened
 */
export function ignoreUpgrade(
  connection: Connection,
  request: IncomingMessage,
  behind: Buffer,
  again: (socket: Socket) => void,
): void {
  const { socket } = connection;
  const failed = () => socket.destroy();
  const drained = () => connection.unanswered[0]?.drained();
  socket.on('error', failed).on('drain', drained);
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), behind]));
  // Answers to earlier requests come first; meanwhile nobody else would see a reset.
  socket.read(0);
  whenAnswered(connection, () => {
    socket.off('drain', drained);
    // The error of a write that failed may still come.
    if (!socket.writable) return void socket.destroySoon();
    socket.off('error', failed);
    // The time that an idle connection is kept runs since the last answer.
    socket.setTimeout(0);
    again(socket);
  });
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
