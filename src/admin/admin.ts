import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, OTHER_PORT } from '../listen.ts';
import type { Refusal } from '../proxy/client/request-checks.ts';
import type { Door } from '../proxy/door.ts';
import { createListener, type ListenerLimits } from './listener.ts';
import { type OverviewSource, overviewOf } from './overview.ts';

/** What the admin listener tells of. */
export interface Watched {
  readonly door: Pick<Door, 'id' | 'servers' | 'listed' | 'poison' | 'ready'>;
  readonly about: OverviewSource['about'];
  readonly isHere: OverviewSource['isHere'];
}

export interface AdminOptions extends ListenerLimits {
  readonly host: string;
  readonly port: number;
}

export interface Admin {
  listen(): Promise<void>;
  close(): void;
}

type Reply = readonly [status: number, value: unknown];

/** The door's second listener. It shows; it changes nothing. */
export function createAdmin({ door, about, isHere }: Watched, options: AdminOptions): Admin {
  const { host, port } = options;
  const routes: Readonly<Record<string, () => Reply>> = {
    '/healthz': () => [200, { id: door.id, state: 'up' }],
    '/readyz': () => [door.ready() ? 200 : 503, { ready: door.ready() }],
    '/overview': () => [200, overviewOf({ ...door, about, isHere }, Date.now())],
    '/servers': () => [200, door.servers()],
    '/poison': () => [200, door.poison()],
  };
  const server = createListener(options, (request, response, refused) => {
    if (refused || !request.complete) response.setHeader('Connection', 'close');
    send(response, foreign(host, request) ?? wrong(refused) ?? reply(routes, request));
  });
  return {
    async listen() {
      await listen(server, { host, port }, OTHER_PORT);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// HTTP/1.0 may come without a Host, but then there is no telling whom it means.
function foreign(host: string, { headers, httpVersion }: IncomingMessage): Reply | null {
  if (headers.host === undefined && httpVersion !== '1.0') return null;
  return isOurs(headers.host ?? '', host) ? null : [403, { error: 'unknown Host' }];
}

function wrong(refused: Refusal | null): Reply | null {
  return refused && [refused.status, { error: refused.text }];
}

function reply(
  routes: Readonly<Record<string, () => Reply>>,
  { url = '', method }: IncomingMessage,
): Reply {
  const route = Object.hasOwn(routes, url) ? routes[url] : undefined;
  if (!route) return [404, { error: 'no such route' }];
  return method === 'GET' || method === 'HEAD' ? route() : [405, { error: 'only GET' }];
}

function send(response: ServerResponse, [status, value]: Reply): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'",
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
  });
  response.end(`${JSON.stringify(value)}\n`);
}

// A page elsewhere can point its own name at us (DNS rebinding); it cannot choose these.
function isOurs(header: string, host: string): boolean {
  const name = header.replace(/:\d+$/, '').toLowerCase();
  return name === host.toLowerCase() || /^(localhost|127\.[\d.]+|\[::1\])$/.test(name);
}
