import type { IncomingMessage } from 'node:http';
import type { DoorContext } from '../exchange/context.ts';
import { type Connection, endWith } from './connection.ts';
import { type OwnAnswer, rawAnswer } from './own-response.ts';

/**
 * Answers a request with a refusal, written to the socket itself: node has taken its parser off this
 * connection, so this request is the last one on it.
 */
export function refuseRaw(
  { figures, onAnswer, options }: DoorContext,
  connection: Connection,
  { method = 'GET', url: path = '/' }: IncomingMessage,
  answer: OwnAnswer,
): void {
  const { status, text: trouble } = answer;
  figures?.refused(answer, null);
  onAnswer?.({
    at: Date.now(),
    method,
    path,
    server: null,
    status,
    durationMs: 0,
    tried: [],
    trouble,
  });
  endWith(connection, rawAnswer(answer), options.lingerMs);
  connection.socket.resume();
}
