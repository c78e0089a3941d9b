import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface TunnelLimits {
  /** From the end of one side to that of the other. */
  readonly upgradeCloseMs: number;
  /** How often it looks whether a side that is not read from is still there. */
  readonly doorWatchMs: number;
}

const NOTHING = Buffer.alloc(0);

/** All that follows is another protocol, or the program's refusal: bytes, both ways. */
export function tunnel(
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  address: { host: string; port: number },
  limits: TunnelLimits,
): void {
  const upstream = connect(address);
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  upstream.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  upstream.write(head);
  upstream.pipe(socket).pipe(upstream);
  for (const [one, other] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    one.once('error', () => other.destroy());
    one.once('close', () => other.destroy());
    // Whether the other side reads on, and so hears of it, or not.
    one.once('end', () => setTimeout(() => one.destroy(), limits.upgradeCloseMs).unref());
  }
  watch(socket, upstream, limits.doorWatchMs);
}

/**
 * While one side does not read, the other is not read from either, and its reset is not seen. Writing
 * nothing sends nothing, but fails on a connection that is gone. The door resets a connection whose
 * client has gone. A timer of its own, as it has two sockets of its own: it ends with them.
 */
function watch(socket: Duplex, upstream: Duplex, everyMs: number): void {
  const look = setInterval(() => {
    if (upstream.writableNeedDrain && socket.writable) socket.write(NOTHING);
    if (socket.writableNeedDrain && upstream.writable) upstream.write(NOTHING);
  }, everyMs);
  look.unref();
  upstream.once('close', () => clearInterval(look));
}
