import type { DoorContext } from '../exchange/context.ts';
import { codeOf } from '../upstream/failure.ts';
import { type Connection, endWith } from './connection.ts';
import { HeadOverflow, type TooLarge } from './head-overflow.ts';
import { type OwnAnswer, own, rawAnswer, tooLarge, troubleOf } from './own-response.ts';

/** What node's parser says of a packet that it could not read. */
interface ParserError extends Error {
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/**
 * The parser met something that is not HTTP, is too large or too slow. Earlier requests get their
 * answers, then this one is refused and the connection closed: where the next request would begin is
 * unknown. Called again for each further packet.
 */
export function refuseConnection(
  context: DoorContext,
  connection: Connection,
  error: ParserError,
): void {
  const { socket } = connection;
  if (codeOf(error) === 'ECONNRESET') return void socket.destroy();
  if (!socket.writable || connection.finalBytes !== null) return;
  if (connection.refused) return socket.destroySoon();
  if (connection.overflow) return follow(connection.overflow, error);
  const unfinished = connection.unanswered.find(({ arrived }) => !arrived);
  if (unfinished) return unfinished.refuse(isLate(error) ? 'stalled' : 'invalid');
  if (codeOf(error) !== 'HPE_HEADER_OVERFLOW') return say(context, connection, answerTo(error));
  const decide = (found: TooLarge) => say(context, connection, tooLarge[found]);
  connection.overflow = new HeadOverflow(decide, context.options.lingerMs);
  socket.once('close', () => connection.overflow?.stop());
  follow(connection.overflow, error);
}

function follow(overflow: HeadOverflow, error: ParserError): void {
  const { rawPacket, bytesParsed } = error;
  if (!rawPacket) overflow.guess();
  else overflow.take(rawPacket, bytesParsed ?? rawPacket.length);
}

function isLate(error: Error): boolean {
  return codeOf(error) === 'ERR_HTTP_REQUEST_TIMEOUT';
}

function say(context: DoorContext, connection: Connection, answer: OwnAnswer): void {
  // Browsers open connections early and never use them: that is no request.
  if (connection.socket.bytesRead > 0) tell(context, answer);
  endWith(connection, rawAnswer(answer), context.options.lingerMs);
}

// Nothing else is known of a request that could not be read.
function tell({ figures, onAnswer, options }: DoorContext, answer: OwnAnswer): void {
  const { status } = answer;
  figures?.refused(answer, null);
  const trouble = troubleOf(answer, options.maxHeaderBytes);
  const unknown = { method: '-', path: '-', server: null, durationMs: 0, tried: [] };
  onAnswer?.({ at: Date.now(), status, trouble, ...unknown });
}

function answerTo(error: Error): OwnAnswer {
  switch (codeOf(error)) {
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, text: 'the chunk extensions are too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return own.slowClient;
    default:
      return own.badRequest;
  }
}
