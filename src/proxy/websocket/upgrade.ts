import { Agent, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import type { Connection } from '../client/connection.ts';
import { requestLines } from '../client/forwarded-headers.ts';
import { ignoreUpgrade, isUnread } from '../client/ignored-upgrade.ts';
import { type OwnAnswer, own } from '../client/own-response.ts';
import { refuseRaw } from '../client/raw-refusal.ts';
import { refusal, takeAbsolute } from '../client/request-checks.ts';
import { RequestHead } from '../client/request-head.ts';
import type { DoorContext } from '../exchange/context.ts';
import type { Affinity } from '../sticky/cookie.ts';
import { hostname } from '../upstream/upstream.ts';
import { type Found, findServer } from './connect.ts';
import { WebSocketSession } from './session.ts';

export interface Upgrades {
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every WebSocket with 1001 (going away). */
  close(): void;
}

interface FoundServer extends Found {
  readonly affinity: Affinity | null;
}

const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * WebSockets go through http-proxy. Anything else that asks for an upgrade is answered as if it had
 * not.
 * @param again gives a socket to the door's server as if it had just been opened
 */
export function createUpgrades(
  context: DoorContext,
  connectionOf: (socket: Socket) => Connection,
  again: (socket: Socket) => void,
): Upgrades {
  const sessions = new Set<WebSocketSession>();
  const byRequest = new WeakMap<IncomingMessage, WebSocketSession>();
  const bySocket = new WeakMap<Socket, WebSocketSession>();
  const proxy = createProxy(byRequest, bySocket);

  const open = (request: IncomingMessage, client: Socket, head: Buffer, found: FoundServer) => {
    const { url: path = '', headers } = request;
    const key = headers['sec-websocket-key'] ?? '';
    const session = new WebSocketSession(context, { client, path, key, ...found });
    sessions.add(session);
    byRequest.set(request, session);
    bySocket.set(found.socket, session);
    client.once('close', () => sessions.delete(session));
    // http-proxy would resolve dots and slashes; the session puts the real path back.
    request.url = '/';
    proxy.ws(request, client, head, target(found), (error) => session.failed(error));
    session.guard();
  };

  return {
    handle(request, _socket, head) {
      const { socket: client } = request;
      const connection = connectionOf(client);
      const seen = new RequestHead(request.rawHeaders);
      if (!isWebSocket(seen) && isUnread(request, seen)) {
        return ignoreUpgrade(connection, request, head, again);
      }
      client.on('error', () => client.destroy());
      takeAbsolute(request, seen, connection.secure);
      const refused = refusal(seen, request, context.options) ?? wrongHandshake(request, seen);
      if (refused || connection.unanswered.length > 0) {
        return refuseRaw(context, connection, request, refused ?? own.badRequest);
      }
      const affinity = context.sticky?.take(seen, connection) ?? null;
      request.headers = serverHeaders(context, connection, seen);
      void findServer(context, client, affinity).then((found) => {
        if (found === null) return;
        if ('status' in found) refuseRaw(context, connection, request, found);
        else open(request, client, head, { ...found, affinity });
      });
    },
    close() {
      for (const session of sessions) session.goAway();
    },
  };
}

function createProxy(
  byRequest: WeakMap<IncomingMessage, WebSocketSession>,
  bySocket: WeakMap<Socket, WebSocketSession>,
) {
  const proxy = httpProxy.createProxyServer({});
  // Both sockets' errors end in their 'close', which is where a session ends.
  proxy.on('error', () => {});
  proxy.on('open', (server) => bySocket.get(server)?.joined(server));
  proxy.on('proxyReqWs', (outgoing, incoming) => byRequest.get(incoming)?.follow(outgoing));
  return proxy;
}

function isWebSocket({ upgrade }: RequestHead): boolean {
  return upgrade.toLowerCase() === 'websocket';
}

function wrongHandshake(request: IncomingMessage, head: RequestHead): OwnAnswer | null {
  if (!isWebSocket(head) || head.hasBody) return { status: 400, text: 'an upgrade has no body' };
  if (request.method !== 'GET') return { status: 400, text: 'a WebSocket begins with GET' };
  const { expect = '100-continue' } = request.headers;
  if (expect.toLowerCase() !== '100-continue') return own.notExpected;
  const key = request.headers['sec-websocket-key'] ?? '';
  return KEY.test(key) ? null : { status: 400, text: 'a WebSocket needs Sec-WebSocket-Key' };
}

function serverHeaders(
  context: DoorContext,
  { peer, trusted, secure }: Connection,
  head: RequestHead,
): Record<string, string | string[]> {
  const attempt = context.newAttempt();
  const from = { peer, trusted, secure, door: context.name, httpVersion: '1.1', attempt };
  const lines = requestLines(head, from);
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at]?.toLowerCase() ?? '';
    const value = lines[at + 1] ?? '';
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return { ...headers, connection: 'Upgrade', upgrade: 'websocket' };
}

// The connection stands already: http-proxy cannot try another server, `findServer` can.
function target({ upstream, socket }: Found) {
  const agent = Object.assign(new Agent(), { createConnection: () => socket });
  const host = hostname(upstream);
  return { agent, target: { protocol: 'http:', host, hostname: host, port: upstream.port } };
}
