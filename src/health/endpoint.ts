import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppSpec } from '../model/app-spec.ts';

/** Which server an app is served by. */
export interface Identity {
  readonly id: string;
  port(): number;
  state(): 'up' | 'failing' | 'draining';
}

export const HEALTH_PATH = '/healthz';
/** Where a server proves who it is when its app has a page of health of its own. */
export const HIDDEN_HEALTH_PATH = '/.meowctl/health';
/** More than one of our servers says about its health. */
export const MAX_HEALTH_BYTES = 4_096;
/** Who asks an app for its health, so that it can be told from its clients. */
export const HEALTH_AGENT = 'meowctl-health';

/** Where the server itself answers: elsewhere if its app has such a page. */
export function healthPathOf({ kind, health }: AppSpec): string {
  if (health === null) return HEALTH_PATH;
  return kind === 'cat' ? health : HIDDEN_HEALTH_PATH;
}

/** Whether a request asks for the health of its server. */
export function asksForHealth({ url = '' }: IncomingMessage, path: string): boolean {
  return url.startsWith(path) && (url.length === path.length || url[path.length] === '?');
}

/** Answers before the app sees it: 200 while it serves, 503 when it is leaving or cannot answer. */
export function answerHealth(
  { method }: IncomingMessage,
  response: ServerResponse,
  identity: Identity,
): void {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end('Method Not Allowed\n');
    return;
  }
  const state = identity.state();
  const text = JSON.stringify({ id: identity.id, state });
  response.writeHead(state === 'up' ? 200 : 503, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(method === 'HEAD' ? undefined : text);
}
