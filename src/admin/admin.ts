import type { IncomingMessage, ServerResponse } from 'node:http';
import { StoreError } from '../errors.ts';
import { troubleInWords } from '../expected-errors.ts';
import { listen, OTHER_PORT } from '../listen.ts';
import type { Refusal } from '../proxy/client/request-checks.ts';
import { createListener, type ListenerLimits } from './listener.ts';
import { lookingRoutes, type ShownDoor } from './looking-routes.ts';
import { Lookout, type LookoutDeps } from './lookout.ts';
import type { OverviewSource } from './overview.ts';
import { pageRoutes } from './page-files.ts';
import { problem, type Reply, send } from './reply.ts';
import { type AccessRules, needsToken, type Rights, rightsOf } from './rights.ts';
import { findRoute, handlerOf, type Route } from './router.ts';
import { type ViewerLimits, Viewers } from './viewers.ts';

/** What the admin listener shows. */
export interface Watched
  extends Pick<OverviewSource, 'about' | 'isHere' | 'redis'>,
    Pick<LookoutDeps, 'around' | 'log'> {
  readonly door: ShownDoor;
}

export interface AdminOptions extends ListenerLimits, ViewerLimits, AccessRules {
  readonly port: number;
  /** Where the page's files are. */
  readonly pageFolder: string;
  readonly overviewMs: number;
}

export interface Admin {
  listen(): Promise<void>;
  close(): void;
}

/** The door's second listener: it shows the fleet, to whoever has the token more of it. */
export function createAdmin(watched: Watched, options: AdminOptions): Admin {
  const { host, port } = options;
  const { door, log } = watched;
  const lookout = new Lookout({ ...watched, source: { ...watched, ...door } }, options.overviewMs);
  const viewers = new Viewers(options, (any) => {
    if (!any) return lookout.stop();
    lookout.start((made) => viewers.tell('overview', (rights) => made.text(rights)));
  });
  const routes = [...lookingRoutes({ door, lookout, viewers }), ...pageRoutes(options.pageFolder)];
  const server = createListener(options, (request, response, refused) => {
    if (refused) return send(request, response, refusalOf(refused, rightsOf(options, request)));
    void answer({ routes, log, rules: options }, request, response);
  });
  return {
    async listen() {
      await listen(server, { host, port }, OTHER_PORT);
    },
    close() {
      lookout.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Its connection ends with it. */
function refusalOf({ status, text }: Refusal, rights: Rights | Reply): Reply {
  const headers = status === 405 ? { Allow: 'GET, HEAD' } : {};
  const reply = typeof rights === 'string' ? problem(status, text, undefined, headers) : rights;
  return { ...reply, headers: { ...reply.headers, Connection: 'close' } };
}

interface Answering {
  readonly routes: readonly Route[];
  readonly rules: AccessRules;
  log(line: string): void;
}

/** The one place where what fails becomes an answer. */
async function answer(
  answering: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let reply: Reply | null;
  try {
    reply = await replyTo(answering, request, response);
  } catch (error) {
    reply = failure(error, answering.log);
  }
  if (reply && !response.headersSent) send(request, response, reply);
}

async function replyTo(
  { routes, rules }: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Reply | null> {
  const [path = '', ...rest] = (request.url ?? '').split('?');
  const found = findRoute(routes, path);
  const rights = found?.route.anyHost ? 'figures' : rightsOf(rules, request);
  if (typeof rights !== 'string') return rights;
  if (!found) return problem(404, 'no such route');
  const handler = handlerOf(found.route, request);
  if (typeof handler !== 'function') return handler;
  const isLook = request.method === 'GET' || request.method === 'HEAD';
  if (rights !== 'all' && (!isLook || found.route.needsToken)) return needsToken();
  const query = new URLSearchParams(rest.join('?'));
  return await handler({ request, response, rights, id: found.id, query });
}

function failure(error: unknown, log: (line: string) => void): Reply {
  if (error instanceof StoreError) {
    const status = error.kind === 'full' ? 507 : 503;
    return problem(status, error.message, error.remedy, { 'Retry-After': '1' });
  }
  log(`admin: ${troubleInWords(error)}`);
  return problem(500, 'this went wrong: the log of the door says more');
}
