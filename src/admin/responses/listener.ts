import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type OwnAnswer, own, rawAnswer } from '../../proxy/client/own-response.ts';
import {
  notPassed,
  type Refusal,
  refusal,
  takeAbsolute,
} from '../../proxy/client/request-checks.ts';
import { RequestHead } from '../../proxy/client/request-head.ts';
import { createHttpServer, type HttpLimits } from '../../proxy/http-server.ts';

export interface ListenerLimits extends HttpLimits {
  readonly maxHeaderLines: number;
  readonly maxAdminConnections: number;
}

/** What a request that is for no route at all is told to use. */
export const LOOKS = 'GET, HEAD';

/** `refused`: why the door would not take such a request either; its connection ends with it. */
type Answer = (request: IncomingMessage, response: ServerResponse, refused: Refusal | null) => void;

/** A server as strict as the door's own, with few connections. */
export function createListener(limits: ListenerLimits, answer: Answer): Server {
  const server = createHttpServer(limits);
  const ended = new WeakSet<Duplex>();
  const used = boundConnections(server, limits.maxAdminConnections);
  server.on('request', (request, response) => {
    if (ended.has(request.socket)) return;
    used(request.socket, response);
    const head = new RequestHead(request.rawHeaders);
    takeAbsolute(request, head, false);
    // Who is asked for must be ours, whichever of the two places says it.
    if (head.hosts === 1) request.headers.host = head.host;
    const refused = refusal(head, request, limits);
    if (refused) ended.add(request.socket);
    answer(request, response, refused);
  });
  // Without a listener Node ends the connection and says nothing.
  server.on('connect', (_, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(rawAnswer({ ...notPassed('CONNECT'), lines: ['Allow', LOOKS] }));
  });
  server.on('clientError', (error, socket) => {
    if (!socket.writable) return void socket.destroy();
    if (!ended.has(socket)) socket.write(rawAnswer(answerTo(error)));
    ended.add(socket);
    (socket as Socket).destroySoon();
  });
  return server;
}

/**
 * The connection that was silent for longest makes room for one too many: refusing the new one would
 * let whoever holds the others lock out all who want to know how the door is. Who is being answered,
 * such as a page that is open, is not silent; of those there are fewer than connections.
 */
function boundConnections(server: Server, most: number) {
  /** Each with its last answer. */
  const sockets = new Map<Socket, ServerResponse | null>();
  const used = (socket: Socket, response: ServerResponse) => {
    if (sockets.delete(socket)) sockets.set(socket, response);
  };
  server.on('connection', (socket) => {
    sockets.set(socket, null);
    socket.once('close', () => sockets.delete(socket));
    if (sockets.size <= most) return;
    const silent = [...sockets].find(([, answer]) => !isGoing(answer)) ?? [...sockets][0];
    if (!silent) return;
    sockets.delete(silent[0]);
    silent[0].destroy();
  });
  return used;
}

function isGoing(answer: ServerResponse | null): boolean {
  return answer?.headersSent === true && !answer.writableEnded;
}

function answerTo(error: NodeJS.ErrnoException): OwnAnswer {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, text: 'the head of the request is too large' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return own.slowClient;
    default:
      return own.badRequest;
  }
}
