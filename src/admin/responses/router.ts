import type { IncomingMessage, ServerResponse } from 'node:http';
import { problem, type Reply } from './reply.ts';
import type { Rights } from './rights.ts';

/** What a route is asked. */
export interface AdminRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly rights: Rights;
  /** What stands at `:id`. */
  readonly id: string;
  readonly query: URLSearchParams;
}

/** Null where it has answered by itself: a stream. */
type Answered = Reply | null;
export type Handler = (asked: AdminRequest) => Answered | Promise<Answered>;

type Method = 'GET' | 'POST' | 'DELETE';

export interface Route {
  /** `/servers/:id` */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
  /** Asked by address, by whoever watches the door. */
  readonly anyHost?: boolean;
  /** Also to look at it; a change always needs it. */
  readonly needsToken?: boolean;
}

export interface Found {
  readonly route: Route;
  readonly id: string;
}

/** Routes of one path merged into one, with the methods of all. */
export function merged(routes: readonly Route[]): Route[] {
  const byPath = new Map<string, Route>();
  for (const route of routes) {
    const known = byPath.get(route.path);
    byPath.set(route.path, {
      ...{ ...known, ...route },
      methods: { ...known?.methods, ...route.methods },
    });
  }
  return [...byPath.values()];
}

export function findRoute(routes: readonly Route[], path: string): Found | null {
  for (const route of routes) {
    const id = match(route.path, path);
    if (id !== null) return { route, id };
  }
  return null;
}

/** @returns what stands at `:id`; null where it is another path */
function match(pattern: string, path: string): string | null {
  if (!pattern.endsWith('/:id')) return pattern === path ? '' : null;
  const start = pattern.slice(0, -':id'.length);
  const id = path.startsWith(start) ? path.slice(start.length) : '';
  return id === '' || id.includes('/') ? null : id;
}

/** The handler of a request, or why there is none. */
export function handlerOf({ methods }: Route, { method = '' }: IncomingMessage): Handler | Reply {
  const name = method === 'HEAD' ? 'GET' : method;
  const handler = Object.hasOwn(methods, name) ? methods[name as Method] : undefined;
  if (handler) return handler;
  const allowed = Object.keys(methods).flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
  return problem(405, `only ${allowed.join(', ')}`, undefined, { Allow: allowed.join(', ') });
}
