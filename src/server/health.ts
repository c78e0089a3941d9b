import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Hosted, Identity } from './hosted.ts';

export const HEALTH_PATH = '/healthz';

/** Whether a request asks for the health of its server. */
export function asksForHealth({ url = '' }: IncomingMessage, path: string): boolean {
  return url.startsWith(path) && (url.length === path.length || url[path.length] === '?');
}

/** Answers before the app sees it: 200 while it serves, 503 when it is leaving or cannot answer. */
export async function answerHealth(
  { method }: IncomingMessage,
  response: ServerResponse,
  identity: Identity,
  hosted: Hosted,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end('Method Not Allowed\n');
    return;
  }
  const healthy = hosted.healthy ? await hosted.healthy() : true;
  const state = healthy || identity.state() === 'draining' ? identity.state() : 'failing';
  const text = JSON.stringify({ id: identity.id, state });
  response.writeHead(state === 'up' ? 200 : 503, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(method === 'HEAD' ? undefined : text);
}
