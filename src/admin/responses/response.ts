import type { IncomingMessage, ServerResponse } from 'node:http';
import { StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import type { LingerLimits } from '../../http/early-close.ts';
import type { Refusal } from '../../proxy/client/request-checks.ts';
import { LOOKS } from './listener.ts';
import { failure, problem, type Reply, send } from './reply.ts';
import { type AccessRules, needsToken, rightsOf } from './rights.ts';
import { findRoute, handlerOf, type Route } from './router.ts';

export interface Answering {
  readonly routes: readonly Route[];
  readonly options: AccessRules & LingerLimits;
  log(line: string): void;
}

/** The one place where what fails becomes an answer. */
export async function answer(
  answering: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let reply: Reply | null;
  try {
    reply = await replyTo(answering, request, response);
  } catch (error) {
    reply = error instanceof StoreError ? failure(error) : mistake(error, answering.log);
  }
  if (!reply || response.headersSent || response.destroyed) return;
  send(request, response, reply, answering.options);
}

/** To what the door would not take either; the connection ends with it. */
export function refuse(
  { options }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
  { status, text }: Refusal,
): void {
  const rights = rightsOf(options, request);
  const headers = status === 405 ? { Allow: LOOKS } : {};
  const reply = typeof rights === 'string' ? problem(status, text, undefined, headers) : rights;
  const last = { ...reply, headers: { ...reply.headers, Connection: 'close' } };
  send(request, response, last, options);
}

async function replyTo(
  { routes, options }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply | null> {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  const found = findRoute(routes, path);
  const rights = found?.route.anyHost ? 'figures' : rightsOf(options, request);
  if (typeof rights !== 'string') return rights;
  if (!found) return problem(404, 'no such route');
  const handler = handlerOf(found.route, request);
  if (typeof handler !== 'function') return handler;
  const isLook = request.method === 'GET' || request.method === 'HEAD';
  if (rights !== 'all' && (!isLook || found.route.needsToken)) return needsToken();
  const query = new URLSearchParams(rest.join('?'));
  return await handler({ request, response, rights, id: found.id, query });
}

function mistake(error: unknown, log: (line: string) => void): Reply {
  log(`admin: ${troubleInWords(error)}`);
  return problem(500, 'this went wrong: the log of the door says more');
}
