import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Identity } from '../health/endpoint.ts';
import { answerHealth, asksForHealth, HEALTH_AGENT } from '../health/endpoint.ts';
import type { App } from '../hosting/app.ts';
import type { LingerLimits } from '../http/early-close.ts';
import { Connections } from './connections.ts';

/** A server that does not listen yet, and what is connected to it. */
export interface AppServer {
  readonly server: Server;
  readonly connections: Connections;
}

export interface ClientLimits extends LingerLimits {
  readonly clientHeaderMs: number;
  /** How long a client may take to send its request; then 408. */
  readonly clientRequestMs: number;
  readonly serverKeepAliveMs: number;
  readonly serverHeaderBytes: number;
}

/** Puts an app behind a server of ours, which answers the health check itself. */
export function createAppServer(
  app: App,
  identity: Identity,
  healthPath: string,
  limits: ClientLimits,
): AppServer {
  const server = createServer({
    keepAliveTimeout: limits.serverKeepAliveMs,
    headersTimeout: Math.min(limits.clientHeaderMs, limits.clientRequestMs),
    requestTimeout: limits.clientRequestMs,
    maxHeaderSize: limits.serverHeaderBytes,
    connectionsCheckingInterval: 1_000,
  });
  // Node would drop the lines beyond its own limit in silence, the length of the body among them.
  server.maxHeadersCount = 0;
  const isProbe = (request: IncomingMessage) =>
    asksForHealth(request, healthPath) || request.headers['user-agent'] === HEALTH_AGENT;
  const connections = new Connections(server, isProbe, limits);
  server.on('request', (request, response) => {
    // It follows the last answer on its connection, and could not be answered.
    if (!request.socket.writable) return;
    if (asksForHealth(request, healthPath)) answerHealth(request, response, identity);
    else app.request(request, response);
  });
  server.on('checkContinue', (request, response) => {
    if (!app.asksForBody?.(request)) response.writeContinue();
    server.emit('request', request, response);
  });
  const { upgrade } = app;
  if (upgrade) {
    server.on('upgrade', (request, socket, head) => {
      connections.hold(socket);
      upgrade(request, socket, head);
    });
  }
  return { server, connections };
}
