import type { IncomingMessage, ServerResponse } from 'node:http';
import { type OwnAnswer, own, sendOwn } from './answer.ts';
import type { Connection } from './connection.ts';
import type { DoorContext } from './door-context.ts';
import { Exchange } from './forward.ts';
import { requestLines } from './headers.ts';
import { refusal, takeAbsolute } from './request-checks.ts';
import { RequestHead } from './request-head.ts';

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
  const head = new RequestHead(request.rawHeaders);
  takeAbsolute(request, head);
  const refused = refusal(head, request, context.options);
  if (refused) {
    connection.refused = true;
    return answerItself(context, request, response, { ...refused, close: true });
  }
  const lines = requestLines(head, {
    peer: connection.peer,
    trusted: connection.trusted,
    door: context.name,
    httpVersion: request.httpVersion,
    attempt: context.newAttempt(),
  });
  const { hasBody } = head;
  const path = request.url ?? '/';
  const outgoing = { method, path, lines, hasBody, expecting: expecting && hasBody };
  new Exchange(context, connection, request, response, outgoing).begin();
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
