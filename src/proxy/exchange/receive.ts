import type { RequestMessage, ResponseMessage } from '../../http/messages.ts';
import { type Connection, finishConnection, forget } from '../client/connection.ts';
import { readHead } from '../client/head-cache.ts';
import { type OwnAnswer, own, sendOwn, troubleOf } from '../client/own-response.ts';
import { lineRefusal, oneHopLess } from '../client/request-checks.ts';
import type { DoorContext } from './context.ts';
import { Exchange } from './exchange.ts';

/** What a request's `Expect` asks for: nothing, 100-continue, or something unknown. */
export type Expected = 'nothing' | 'continue' | 'more';

/** Takes one request: refuses it, or sends it on its way to a server. */
export function receive(
  context: DoorContext,
  connection: Connection,
  request: RequestMessage,
  response: ResponseMessage,
  expected: Expected,
): void {
  if (connection.refused || connection.isLast) return;
  const { method = 'GET' } = request;
  const head = readHead(context, connection, request);
  if ('status' in head) return refuse(context, connection, request, response, head);
  if (method === 'OPTIONS' && request.url === '*') {
    return answerItself(context, connection, request, response, own.nothingToSay);
  }
  const refused = lineRefusal(request);
  if (refused) return refuse(context, connection, request, response, refused);
  if (expected === 'more')
    return answerItself(context, connection, request, response, own.notExpected);
  const { attemptAt, hasBody, affinity } = head;
  const lines = method === 'OPTIONS' ? oneHopLess(head.lines) : head.lines;
  if (lines === 'last hop')
    return answerItself(context, connection, request, response, own.nothingToSay);
  if (lines === 'no number') return refuse(context, connection, request, response, badHops);
  const path = request.url ?? '/';
  const attempt = context.newAttempt();
  const expects = expected === 'continue' && hasBody;
  const what = { method, path, lines, attemptAt, attempt, hasBody };
  const outgoing = { ...what, expecting: expects, affinity };
  new Exchange(context, connection, request, response, outgoing).start();
}

const badHops: OwnAnswer = { status: 400, text: 'Max-Forwards is not one number' };

function refuse(
  context: DoorContext,
  connection: Connection,
  request: RequestMessage,
  response: ResponseMessage,
  refused: OwnAnswer,
): void {
  connection.refused = true;
  answerItself(context, connection, request, response, { ...refused, close: true });
}

/** Answers without asking a server. */
export function answerItself(
  context: DoorContext,
  connection: Connection,
  request: RequestMessage,
  response: ResponseMessage,
  answer: OwnAnswer,
): void {
  const startMs = performance.now();
  const nothing = () => {};
  const place = {
    arrived: true,
    response,
    remark: nothing,
    refuse: nothing,
    drained: nothing,
    cutOff: nothing,
  };
  connection.unanswered.push(place);
  response.once('close', () => {
    forget(connection, place);
    finishConnection(connection, context.closing);
    const durationMs = performance.now() - startMs;
    context.figures?.refused(answer, durationMs);
    context.onAnswer?.({
      at: Date.now(),
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      server: null,
      status: answer.status,
      durationMs,
      tried: [],
      trouble: answer.status < 400 ? null : troubleOf(answer, context.options.maxHeaderBytes),
    });
  });
  sendOwn({ context, connection, request, response }, answer);
}
