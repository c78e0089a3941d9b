import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import httpProxy from 'http-proxy';
import { reason } from '../text.ts';
import { own, rawAnswer } from './answer.ts';
import type { Connection } from './connection.ts';
import { type DoorContext, pickMember } from './door-context.ts';
import type { Member } from './member.ts';
import { refusal } from './request-checks.ts';
import { RequestHead } from './request-head.ts';

export interface Upgrades {
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Says goodbye on every WebSocket, with 1001 (going away). */
  close(): void;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

// RFC 6455 §5.5.1, §7.4.1: FIN and opcode 8, two bytes, 1001.
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * WebSockets go through http-proxy. Anything else that asks for an upgrade is answered as if it had
 * not (RFC 9110 §7.8).
 */
export function createUpgrades(
  context: DoorContext,
  connectionOf: (socket: Socket) => Connection,
  answer: Answer,
): Upgrades {
  const proxy = httpProxy.createProxyServer({});
  proxy.on('error', () => {}); // each upgrade has a callback of its own
  const open = new Set<Socket>();

  proxy.on('proxyReqWs', (outgoing, incoming) => {
    const limit = setTimeout(() => {
      outgoing.destroy(new Error('the handshake took too long'));
    }, context.options.handshakeMs);
    outgoing.once('close', () => clearTimeout(limit));
    outgoing.once('upgrade', (response, upstream: Socket) => {
      clearTimeout(limit);
      response.headers['x-served-by'] = servedBy(incoming);
      bind(upstream, incoming.socket);
      open.add(incoming.socket);
    });
  });

  return {
    handle(request, duplex, head) {
      const socket = duplex as Socket;
      socket.on('error', () => socket.destroy());
      const seen = new RequestHead(request.rawHeaders);
      const refused = refusal(seen, request, context.options) ?? wrongHandshake(request, seen);
      if (refused) return void socket.end(rawAnswer(refused));
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
        return answerPlainly(request, socket, answer);
      }
      const member = pickMember(context, []);
      if (!member) return void socket.end(rawAnswer(own.noServers));
      enter(member, socket, open);
      rewriteHeaders(request, connectionOf(socket), context, member);
      proxy.ws(request, socket, head, { target: member.url }, (error) => {
        context.roster.refused(member, reason(error));
        context.onChange();
        if (socket.writable && !open.has(socket)) socket.write(rawAnswer(own.badGateway));
      });
    },
    close() {
      for (const socket of open) {
        socket.write(GOING_AWAY);
        setTimeout(() => socket.destroy(), context.options.upgradeCloseMs).unref();
        socket.end();
      }
    },
  };
}

function wrongHandshake(request: IncomingMessage, head: RequestHead) {
  if (head.hasBody) return { status: 400, text: 'an upgrade has no body' };
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') return null;
  if (request.method !== 'GET') return { status: 400, text: 'a WebSocket begins with GET' };
  const key = request.headers['sec-websocket-key'] ?? '';
  return KEY.test(key) ? null : { status: 400, text: 'a WebSocket needs Sec-WebSocket-Key' };
}

function answerPlainly(request: IncomingMessage, socket: Socket, answer: Answer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  answer(request, response);
}

function enter(member: Member, socket: Socket, open: Set<Socket>): void {
  member.inflight += 1;
  socket.once('close', () => {
    member.inflight -= 1;
    open.delete(socket);
  });
}

const served = new WeakMap<IncomingMessage, string>();

function servedBy(request: IncomingMessage): string {
  return served.get(request) ?? '';
}

function rewriteHeaders(
  request: IncomingMessage,
  { peer, trusted }: Connection,
  context: DoorContext,
  member: Member,
): void {
  const { headers } = request;
  const before = trusted ? headers['x-forwarded-for'] : undefined;
  headers['x-forwarded-for'] = before ? `${before}, ${peer}` : peer;
  if (!trusted || !headers['x-forwarded-proto']) headers['x-forwarded-proto'] = 'http';
  if (!trusted || !headers['x-forwarded-host']) headers['x-forwarded-host'] = headers.host ?? '';
  headers['meow-attempt'] = context.newAttempt();
  headers.via = `1.1 ${context.name}`;
  delete headers.forwarded;
  served.set(request, member.id);
}

function bind(upstream: Socket, client: Socket): void {
  upstream.on('error', () => upstream.destroy());
  upstream.once('close', () => client.destroySoon());
  client.once('close', () => upstream.destroy());
}
