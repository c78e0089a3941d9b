import { createHash } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';

type Heard = (answer: IncomingMessage) => void;

// RFC 6455 §1.3.
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const SWITCHING = 101;

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

// RFC 6455 §4.1: for a WebSocket, and made from its key.
function isAnswerTo(key: string, { headers }: IncomingMessage): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return false;
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return headers['sec-websocket-accept'] === accept;
}
