import type { IncomingMessage } from 'node:http';
import { Router } from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import type { Identity } from '../health/endpoint.ts';
import type { Store } from '../store/store.ts';
import { answerErrors, inRequestTime } from './error-handler.ts';
import { type MeowLimits, meowRoute } from './meow.ts';
import { type MessageLimits, messageRoutes } from './messages.ts';
import type { Deliveries } from './renew-deliveries.ts';
import type { UploadRoom } from './upload/budget.ts';
import { type UploadLimits, uploadRoute } from './upload.ts';

export type AppLimits = MeowLimits & MessageLimits & UploadLimits;

export interface AppDeps {
  readonly store: Pick<Store, 'messages' | 'visits' | 'images'>;
  readonly deliveries: Deliveries;
  readonly room: UploadRoom;
  readonly limits: AppLimits;
  /** As `UploadDeps.durable`. */
  readonly durable: boolean;
  log(line: string): void;
}

const RECENT = '/recent';
const UPLOAD = '/upload';

/** The built-in app; it does not listen. Answers every route that README.md lists but the health check. */
export function createKoa(deps: AppDeps, identity: Identity): Koa {
  const router = createRouter(deps, identity);
  const app = new Koa();
  app.context.onerror = answerErrors(deps.log);
  app.use(countVisit(deps)).use(router.routes()).use(router.allowedMethods());
  return app;
}

/** Whether its body is read only where there is room for it. */
export function isUpload({ method, url }: IncomingMessage): boolean {
  return method === 'POST' && url?.split('?', 1)[0] === UPLOAD;
}

function createRouter(deps: AppDeps, identity: Identity): Router {
  const { store, limits } = deps;
  const { images } = store;
  const messages = messageRoutes(store.messages, limits);
  const router = new Router();
  router.get('/', hello(identity));
  router.get('/test', test);
  router.get('/set', messages.set);
  router.get('/get', messages.get);
  router.get(RECENT, recent(deps));
  router.post(UPLOAD, uploadRoute({ ...deps, images }));
  router.get('/meow', meowRoute({ ...deps, images }));
  return router;
}

// Sent, not awaited. `/recent` records itself while it reads.
function countVisit({ store: { visits } }: AppDeps) {
  return (ctx: Context, next: Next): Promise<void> => {
    const { path } = ctx;
    if (path !== RECENT) visits.record(ctx.url);
    return next();
  };
}

const ROUTES = `
GET  /set      sets a message for 10 s: ?message= &key= &ttl=
GET  /get      the message, while it lives: ?key=
GET  /recent   the 5 most recent visits
POST /upload   pictures, multipart, field image
GET  /meow     the newest picture; it leaves the queue
GET  /healthz  whether this server is up
`;

function hello({ id, port }: Identity) {
  let text = ''; // the same for every request, made once: the port is known by the first
  return (ctx: Context): void => {
    text ||= `meow from ${id} on port ${port()}\n${ROUTES}`;
    ctx.body = text;
  };
}

function test(ctx: Context): void {
  ctx.body = 'test';
}

function recent({ store: { visits }, limits }: AppDeps) {
  return async (ctx: Context): Promise<void> => {
    const paths = await inRequestTime(visits.recordAndRead(ctx.url), limits);
    ctx.vary('Accept');
    ctx.body = ctx.accepts('json', 'html') === 'html' ? page(paths) : paths;
  };
}

function page(paths: readonly string[]): string {
  const items = paths.map((path) => `<li>${escapeHtml(path)}</li>`).join('');
  return `<!doctype html><meta charset="utf-8"><title>recent visits</title><ol>${items}</ol>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
