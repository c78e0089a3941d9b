import type { IncomingMessage } from 'node:http';
import { type OwnAnswer, rawAnswer } from './answer.ts';
import { type Connection, endWith } from './connection.ts';
import type { DoorContext } from './door-context.ts';

/** Refuses what node has taken its parser off for: the last request of its connection. */
export function refuseRaw(
  { onAnswer, options }: DoorContext,
  connection: Connection,
  { method = 'GET', url: path = '/' }: IncomingMessage,
  answer: OwnAnswer,
): void {
  const { socket, unanswered } = connection;
  const { status, text: trouble } = answer;
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
  const words = rawAnswer(answer);
  // Answers to earlier requests on the same connection come first.
  if (unanswered.length > 0) {
    connection.lastWords = words;
    return;
  }
  if (!socket.writable) return void socket.destroy();
  endWith(connection, words, options.lingerMs);
  socket.resume();
}
