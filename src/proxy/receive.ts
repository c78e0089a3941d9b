import type { IncomingMessage, ServerResponse } from 'node:http';
import { type OwnAnswer, own, sendOwn } from './answer.ts';
import type { Connection } from './connection.ts';
import type { DoorContext } from './door-context.ts';
import { Exchange } from './forward.ts';
import { readHead } from './known-head.ts';
import { lineRefusal } from './request-checks.ts';

/** Takes one request: refuses it, or sends it on its way to a server. */
export function receive(
  context: DoorContext,
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
  expecting: boolean,
): void {
  if (connection.refused) return;
  const { method = 'GET' } = request;
  if (method === 'OPTIONS' && request.url === '*') {
    return answerItself(context, request, response, own.nothingToSay);
  }
  const head = readHead(context, connection, request);
  if ('status' in head) return refuse(context, connection, request, response, head);
  const refused = lineRefusal(request);
  if (refused) return refuse(context, connection, request, response, refused);
  const { lines, attemptAt, hasBody } = head;
  const path = request.url ?? '/';
  const attempt = context.newAttempt();
  const expects = expecting && hasBody;
  const outgoing = { method, path, lines, attemptAt, attempt, hasBody, expecting: expects };
  new Exchange(context, connection, request, response, outgoing).begin();
}

function refuse(
  context: DoorContext,
  connection: Connection,
  request: IncomingMessage,
  response: ServerResponse,
  refused: OwnAnswer,
): void {
  connection.refused = true;
  answerItself(context, request, response, { ...refused, close: true });
}

/** An answer that no server has to be asked for. */
export function answerItself(
  { options, onAnswer }: DoorContext,
  request: IncomingMessage,
  response: ServerResponse,
  answer: OwnAnswer,
): void {
  const startMs = performance.now();
  response.once('close', () => {
    onAnswer?.({
      at: Date.now(),
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      server: null,
      status: answer.status,
      durationMs: performance.now() - startMs,
      tried: [],
      trouble: answer.status < 400 ? null : answer.text,
    });
  });
  sendOwn(request, response, answer, options.lingerMs);
}
