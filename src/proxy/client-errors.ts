import type { Duplex } from 'node:stream';
import { defaults } from '../config.ts';
import { type OwnAnswer, own, rawAnswer } from './answer.ts';
import type { Connection } from './connection.ts';
import { codeOf } from './failure.ts';

const LINE_END = 0x0a;
const REQUEST_LINE = /^[A-Z]+ [!-~]/;

/**
 * The parser met something that is not HTTP, too much of it, or too slow. Answers what came before,
 * then refuses, then closes: what follows cannot be told apart from a request any more.
 */
export function refuseConnection(connection: Connection, error: Error): void {
  const { socket, unanswered } = connection;
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (connection.refused) return socket.destroySoon();
  const words = rawAnswer(answerTo(error));
  const unfinished = unanswered.find(({ arrived }) => !arrived);
  if (unfinished) return unfinished.refuse(isLate(error) ? 'stalled' : 'invalid');
  if (unanswered.length > 0) {
    connection.lastWords = words;
    return;
  }
  endWith(socket, words);
}

function isLate(error: Error): boolean {
  return codeOf(error) === 'ERR_HTTP_REQUEST_TIMEOUT';
}

function endWith(socket: Duplex & { destroySoon(): void }, words: string): void {
  socket.write(words);
  socket.destroySoon();
}

function answerTo(error: Error): OwnAnswer {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return targetOverflowed(error)
        ? { status: 414, text: 'the request target is too long' }
        : { status: 431, text: 'the head of the request is too large' };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, text: 'the chunk extensions are too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return own.slowClient;
    default:
      return own.badRequest;
  }
}

function targetOverflowed(error: Error): boolean {
  const { rawPacket } = error as { rawPacket?: unknown };
  if (!Buffer.isBuffer(rawPacket) || !REQUEST_LINE.test(rawPacket.toString('latin1', 0, 32)))
    return false;
  const end = rawPacket.indexOf(LINE_END);
  return end === -1 || end > defaults.maxTargetBytes;
}
