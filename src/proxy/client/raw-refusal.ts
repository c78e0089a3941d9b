import type { IncomingMessage } from 'node:http';
import type { DoorContext } from '../exchange/context.ts';
import { type Connection, endWith } from './connection.ts';
import { type OwnAnswer, rawAnswer } from './own-response.ts';

/** Refuses a request from whose connection node has removed its parser: it is the last one there. */
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
