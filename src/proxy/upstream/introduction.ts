import type { Socket } from 'node:net';
import { MAX_HEALTH_BYTES } from '../../health/endpoint.ts';

/** What is asked, and of whom. */
export interface Question {
  /** As in a url. */
  readonly host: string;
  readonly port: number;
  /** Its page of health. */
  readonly path: string;
  /** The door's Via. */
  readonly via: string;
}

export interface Introduction {
  readonly status: number;
  readonly body: string;
  /** It takes requests on this connection. */
  readonly stays: boolean;
}

const END_OF_HEAD = '\r\n\r\n';
const STATUS = /^HTTP\/1\.1 (\d{3})[ \r]/;
const LENGTH = /\r\ncontent-length: *(\d{1,4})\r\n/i;
const OTHER_FRAMING = /\r\ntransfer-encoding *:/i;
const CLOSES = /\r\nconnection: *close\r\n/i;

/**
 * Asks on a new connection who is there, before anything else is sent on it. A connection stays with
 * the process that took it, so this holds for all that follows.
 * @param tell called at most once: not where the connection ends before there is an answer; null for
 * what is no answer of a server of ours
 */
export function askWho(
  socket: Socket,
  { host, port, path, via }: Question,
  tell: (answer: Introduction | null) => void,
): void {
  let text = '';
  const read = () => {
    text += takeAll(socket);
    const answer = parse(text);
    if (answer === 'more') return;
    socket.off('readable', read);
    tell(answer);
  };
  socket.on('readable', read);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nVia: ${via}\r\n\r\n`, 'latin1');
}

function takeAll(socket: Socket): string {
  const piece = socket.read() as Buffer | null;
  return piece === null ? '' : piece.toString('latin1');
}

// Of one form of answer, which our servers send: with a length, and nothing behind it (RFC 9112 §6.2).
function parse(text: string): Introduction | null | 'more' {
  const end = text.indexOf(END_OF_HEAD);
  if (end < 0) return text.length > MAX_HEALTH_BYTES ? null : 'more';
  const head = text.slice(0, end + 2);
  const [, status] = STATUS.exec(head) ?? [];
  const [, length] = LENGTH.exec(head) ?? [];
  if (status === undefined || length === undefined || OTHER_FRAMING.test(head)) return null;
  const body = text.slice(end + END_OF_HEAD.length);
  if (body.length < Number(length)) return 'more';
  if (body.length > Number(length)) return null;
  return { status: Number(status), body, stays: !CLOSES.test(head) };
}
