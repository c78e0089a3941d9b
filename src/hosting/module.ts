import { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FailedError, type MeowError, TimeoutError } from '../errors.ts';
import { plain, quote, reason } from '../text.ts';
import type { App, Upgrade } from './app.ts';
import { asProgram, inShell } from './as-program.ts';
import { type Listener, stackOf, withErrorBoundary } from './error-boundary.ts';
import { fromFastify, isFastify } from './fastify-app.ts';
import type { FetchApp } from './fetch-app.ts';

export interface ModuleDeps {
  /** Node's own import(): a bundle has none. */
  importModule(url: string): Promise<unknown>;
  /** The app's environment. */
  readonly variables: Readonly<Record<string, string>>;
  log(line: string): void;
  /** What to say after the remedy, where it does not start. */
  readonly hint: string;
}

const UNKNOWN = 'ERR_UNKNOWN_FILE_EXTENSION';
/** What Node says of a language that it does not read. */
const UNREAD: ReadonlySet<unknown> = new Set([UNKNOWN, 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX']);
const WANTED =
  'Export as default a Koa, Hono or Fastify app, { fetch }, a (req, res) function, or an http.Server';

/**
 * Loads somebody's module and serves its default export.
 * @throws FailedError when it exports nothing that can be served or listens by itself, or is in a
 *   language that this Node does not read; TimeoutError when it throws, its stack in the log
 */
export async function loadModule(path: string, deps: ModuleDeps): Promise<App> {
  const listening = forbidListening(path);
  try {
    return await Promise.race([listening.seen, importApp(path, deps)]);
  } catch (error) {
    throw listening.error() ?? toLoadError(error, path, deps);
  } finally {
    listening.allow();
  }
}

async function importApp(path: string, deps: ModuleDeps): Promise<App> {
  const value = await defaultOf(await deps.importModule(pathToFileURL(path).href));
  const app = await toApp(value, path, deps);
  // Some listen a moment after they are asked to: once their plugins are loaded.
  await new Promise(setImmediate);
  return app;
}

/**
 * Only while it loads: afterwards it may listen on other ports. The call itself does not throw: many
 * apps end the process then, before the reason can be told.
 */
function forbidListening(path: string) {
  const { listen } = Server.prototype;
  let error: FailedError | null = null;
  let tell = (_: FailedError) => {};
  const seen = new Promise<never>((_, reject) => {
    tell = reject;
  });
  seen.catch(() => {});
  Server.prototype.listen = function notNow(this: Server) {
    error ??= listensItself(path);
    tell(error);
    return this;
  };
  return {
    seen,
    error: () => error,
    allow() {
      Server.prototype.listen = listen;
    },
  };
}

// A default export of CommonJS that was compiled from ES is one level further down.
async function defaultOf(namespace: unknown): Promise<unknown> {
  const { default: outer } = namespace as { default?: unknown };
  const inner = outer as { __esModule?: boolean; default?: unknown } | null | undefined;
  return await (inner?.__esModule ? inner.default : outer);
}

async function toApp(value: unknown, path: string, deps: ModuleDeps): Promise<App> {
  const { log } = deps;
  if (value instanceof HttpServer) return lend(value, path, log);
  if (isKoa(value)) return { request: withErrorBoundary(value.callback(), log), upgrade: null };
  if (isFastify(value)) return fromFastify(value, log);
  if (typeof value === 'function' && !isClass(value)) {
    return { request: withErrorBoundary(value as Listener, log), upgrade: null };
  }
  if (isFetchApp(value)) return (await import('./fetch-app.ts')).fromFetch(value, deps);
  const message = `module ${quote(path)} ${whatItExports(value)}`;
  throw new FailedError('app-exports', message, `${WANTED}. If it listens by itself: ${run(path)}`);
}

/** Its handlers serve; we listen, so that port, timeouts and drain are ours. */
function lend(server: HttpServer, path: string, log: ModuleDeps['log']): App {
  if (server.listening) throw listensItself(path);
  const upgrade: Upgrade = (...event) => void server.emit('upgrade', ...event);
  return {
    request: withErrorBoundary(
      (request, response) => void server.emit('request', request, response),
      log,
    ),
    upgrade: server.listenerCount('upgrade') > 0 ? upgrade : null,
  };
}

// Told by its shape, as it is made by another copy of Koa.
function isKoa(value: unknown): value is { callback(): Listener } {
  const { callback, use } = (value ?? {}) as Record<string, unknown>;
  return typeof value === 'object' && typeof callback === 'function' && typeof use === 'function';
}

function isFetchApp(value: unknown): value is FetchApp {
  const { fetch } = (value ?? {}) as Record<string, unknown>;
  return typeof value === 'object' && typeof fetch === 'function';
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function whatItExports(value: unknown): string {
  if (value === undefined) return 'has no default export';
  if (typeof value === 'function') return 'exports a class, not an app made from it';
  const kind = typeof value === 'object' ? (value?.constructor?.name ?? 'null') : typeof value;
  return `has a default export that is no app (${plain(kind)})`;
}

function toLoadError(error: unknown, path: string, { log, hint }: ModuleDeps): MeowError {
  if (error instanceof FailedError) return error;
  const { code } = (error ?? {}) as { code?: unknown };
  if (UNREAD.has(code) && /\.[cm]?[jt]sx?$/.test(path)) return notRead(path, code === UNKNOWN);
  log(stackOf(error));
  const message = `module ${quote(path)} threw while it was loaded: "${reason(error)}"`;
  return new TimeoutError('app-threw', message, `Its stack shows where${hint}`, {
    cause: error,
  });
}

/**
 * A loader of the app's own can: Node reads NODE_OPTIONS when the server's process starts.
 * @param newer whether a newer Node could, too
 */
function notRead(path: string, newer: boolean): FailedError {
  const what = path.endsWith('x') ? 'JSX' : 'TypeScript';
  const message = `Node ${process.versions.node} cannot load ${what}: ${quote(path)}`;
  const flags = `--app ${inShell(here(path))} --env NODE_OPTIONS=--import=tsx`;
  const node = newer && what === 'TypeScript' ? '. Node 22.18 and newer reads it' : '';
  const remedy = `With tsx installed: ${flags}; if it listens by itself: ${run(path)}${node}`;
  return new FailedError('app-typescript', message, remedy);
}

function listensItself(path: string): FailedError {
  const message = `module ${quote(path)} listens by itself`;
  const remedy = `Run it as a program, with its port in $PORT: ${run(path)}. Or leave listen() out. ${WANTED}`;
  return new FailedError('app-listens', message, remedy);
}

function run(path: string): string {
  return `\`${asProgram(here(path))}\``;
}

// Relative to the folder that it runs in.
function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
