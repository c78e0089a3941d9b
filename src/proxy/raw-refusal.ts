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
  endWith(connection, rawAnswer(answer), options.lingerMs);
  connection.socket.resume();
}
