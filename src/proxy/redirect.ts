import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { endPolitely, type LingerLimits } from '../http/early-close.ts';
import { isHost, takeAbsolute } from './client/request-checks.ts';
import { RequestHead } from './client/request-head.ts';
import { createHttpServer, type HttpLimits } from './http-server.ts';

const USUAL_PORT = 443;
/** The method stays what it was: RFC 9110 §15.4.9. */
const REDIRECT = 308;
const BAD_REQUEST = 400;

/** A server that sends whoever comes over plain HTTP to the same place over https. */
export function createRedirect(limits: HttpLimits & LingerLimits, httpsPort: number): Server {
  const port = httpsPort === USUAL_PORT ? '' : `:${httpsPort}`;
  const server = createHttpServer(limits);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const place = placeOf(request);
    const head = ['Content-Length', '0', 'Connection', 'close'];
    if (place === null) response.writeHead(BAD_REQUEST, head);
    else {
      const location = `https://${place.host}${port}${place.path}`;
      response.writeHead(REDIRECT, ['Location', location, ...head]);
    }
    endPolitely(request, response, limits);
  });
  return server;
}

/** Without its port: that is of plain HTTP. */
function placeOf(request: IncomingMessage): { host: string; path: string } | null {
  const head = new RequestHead(request.rawHeaders);
  takeAbsolute(request, head, false);
  if (head.hosts !== 1 || !isHost(head.host)) return null;
  const { url = '' } = request;
  const path = url === '*' ? '/' : url;
  // What cannot stand in a line of the answer is not sent on.
  if (!/^\/[!-~]*$/.test(path)) return null;
  return { host: head.host.replace(/:\d*$/, ''), path };
}
