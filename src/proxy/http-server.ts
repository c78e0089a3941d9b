import { createServer, type Server, type ServerOptions } from 'node:http';

/** What one client may cost a listener of the door. */
export interface HttpLimits {
  readonly maxHeaderBytes: number;
  readonly clientHeaderMs: number;
  readonly clientRequestMs: number;
  readonly clientKeepAliveMs: number;
}

const SECOND_MS = 1_000;

/** A server for clients who may be anybody. Its owner counts header lines and looks for Host. */
export function createHttpServer(limits: HttpLimits): Server {
  const server = createServer(httpOptions(limits));
  // Node would drop the lines beyond its own limit in silence; the door counts them itself.
  server.maxHeadersCount = 0;
  return server;
}

export function httpOptions(limits: HttpLimits): ServerOptions {
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    // Node refuses to start with a head that may take longer than the whole.
    headersTimeout: Math.min(limits.clientHeaderMs, limits.clientRequestMs),
    requestTimeout: limits.clientRequestMs,
    keepAliveTimeout: limits.clientKeepAliveMs,
    connectionsCheckingInterval: SECOND_MS,
    // Node would refuse a request without one in its own way, and then refuse what follows it again.
    requireHostHeader: false,
  };
}
