import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ResponseMessage } from './messages.ts';

const FIRST = 102;
const LAST = 199;
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What was sent before its response had the connection. */
const early = new WeakMap<ServerResponse, string>();

/**
 * Whether an interim answer (1xx) goes on to a client: to none of HTTP/1.0, and never a 100 or a 101, which are between each two on the way. RFC 9110 §15.2.
 */
export function isForClient(status: number, httpVersion: string): boolean {
  return status >= FIRST && status <= LAST && httpVersion !== '1.0';
}

/**
 * Sends one before the answer itself, and after the answers to earlier requests on the connection.
 * node:http can only do this for two statuses, and for 103 with a `Link` that it takes apart.
 */
export function sendInterim(response: ServerResponse, head: string): void {
  if (response.headersSent || response.destroyed) return;
  const { socket } = response;
  if (socket) {
    // They must not pile up for a client that does not read.
    if (!socket.writableNeedDrain) socket.write(head, 'latin1');
    return;
  }
  const before = early.get(response);
  early.set(response, (before ?? '') + head);
  if (before !== undefined) return;
  response.once('socket', (given: Socket) => given.write(early.get(response) ?? '', 'latin1'));
}

/**
 * The same to whatever kind of client.
 * @param lines name, value, name, value…
 */
export function passInterim(
  response: ResponseMessage,
  status: number,
  reasonPhrase: string,
  lines: readonly string[],
): void {
  if (response.writeInterim) response.writeInterim(status, lines);
  // Nothing else has none.
  else sendInterim(response as ServerResponse, interimHead(status, reasonPhrase, lines));
}

/** @param lines name, value, name, value… */
export function interimHead(
  status: number,
  reasonPhrase: string,
  lines: readonly string[],
): string {
  let head = `HTTP/1.1 ${status} ${SENDABLE.test(reasonPhrase) ? reasonPhrase : (STATUS_CODES[status] ?? '')}\r\n`;
  for (let at = 0; at < lines.length; at += 2) {
    const line = `${lines[at]}: ${lines[at + 1]}`;
    if (SENDABLE.test(line)) head += `${line}\r\n`;
  }
  return `${head}\r\n`;
}
