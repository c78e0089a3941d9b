import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Seen } from '../proxy/door.ts';
import { listen } from '../proxy/listen.ts';

/** What the admin listener tells of. */
export interface Watched {
  readonly id: string;
  servers(): Seen[];
  poison(): string[];
  ready(): boolean;
}

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
}

export interface Admin {
  listen(): Promise<void>;
  close(): void;
}

type Reply = readonly [status: number, value: unknown];

/** The door's second listener. It shows; it changes nothing. */
export function createAdmin(door: Watched, { host, port }: AdminOptions): Admin {
  const routes: Readonly<Record<string, () => Reply>> = {
    '/healthz': () => [200, { id: door.id, state: 'up' }],
    '/readyz': () => [door.ready() ? 200 : 503, { ready: door.ready() }],
    '/servers': () => [200, door.servers()],
    '/poison': () => [200, door.poison()],
  };
  const server = createServer((request, response) => answer(routes, host, request, response));
  return {
    async listen() {
      await listen(server, host, port);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(
  routes: Readonly<Record<string, () => Reply>>,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const route = Object.hasOwn(routes, request.url ?? '') ? routes[request.url ?? ''] : undefined;
  const send = ([status, value]: Reply) => {
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "default-src 'none'",
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(`${JSON.stringify(value)}\n`);
  };
  if (!isOurs(request.headers.host ?? '', host)) return send([403, { error: 'unknown Host' }]);
  if (!route) return send([404, { error: 'no such route' }]);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send([405, { error: 'only GET' }]);
  }
  send(route());
}

// A page elsewhere can point its own name at us (DNS rebinding); it cannot choose these.
function isOurs(header: string, host: string): boolean {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  return name === host.toLowerCase() || /^(localhost|127\.[\d.]+|\[::1\])$/.test(name);
}
