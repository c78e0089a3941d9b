import { createHash } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { HOP_BY_HOP } from '../../http/hop-by-hop.ts';

type Heard = (answer: IncomingMessage) => void;

// RFC 6455 §1.3.
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const SWITCHING = 101;
/** What http-proxy handles itself: the upgrade of the connection, and the framing of a refusal. */
const OF_HTTP_PROXY = ['connection', 'trailer', 'transfer-encoding', 'upgrade'];
const DROPPED = HOP_BY_HOP.filter((name) => !OF_HTTP_PROXY.includes(name));

/**
 * Puts itself before the current listeners for the answer to a handshake: they are called only if it
 * is an answer to this handshake, and after `opened` or `refused`.
 */
export function guard(
  outgoing: ClientRequest,
  key: string,
  { opened, refused, wrong }: Readonly<Record<'opened' | 'refused' | 'wrong', Heard>>,
): void {
  const stand = (event: string, isRight: (answer: IncomingMessage) => boolean, heard: Heard) => {
    const behind = outgoing.listeners(event);
    outgoing.removeAllListeners(event);
    outgoing.once(event, (answer: IncomingMessage, ...rest: unknown[]) => {
      if (!isRight(answer)) return wrong(answer);
      heard(answer);
      for (const listener of behind) listener.call(outgoing, answer, ...rest);
    });
  };
  stand('upgrade', (answer) => isAnswerTo(key, answer), opened);
  // This is how node reports a 101 without an Upgrade line.
  stand('response', ({ statusCode }) => statusCode !== SWITCHING, refused);
}

/** Leaves out what concerns the door's own connection to the server. */
export function dropHopByHop({ headers }: IncomingMessage): void {
  for (const name of DROPPED) delete headers[name];
}

// RFC 6455 §4.1: for a WebSocket, and made from its key.
function isAnswerTo(key: string, { headers }: IncomingMessage): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return headers['sec-websocket-accept'] === accept;
}
