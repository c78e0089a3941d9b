import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server } from 'node:net';
import { pathToFileURL } from 'node:url';
import { FailedError, type MeowError, TimeoutError } from '../errors.ts';
import { plain, quote, reason } from '../text.ts';
import type { Hosted, Upgrade } from './hosted.ts';

export interface ModuleDeps {
  /** Node's own import(): a bundle has none. */
  importModule(url: string): Promise<unknown>;
  log(line: string): void;
  /** What to say after the remedy, where it does not start. */
  readonly hint: string;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

const WANTED = 'Export as default a Koa app, a (req, res) function, or an http.Server';

/**
 * Loads somebody's module and hosts its default export.
 * @throws FailedError when it exports nothing that can be served or listens by itself, or is in a
 *   language that this Node does not read; TimeoutError when it throws, its stack in the log
 */
export async function loadModule(path: string, deps: ModuleDeps): Promise<Hosted> {
  const listening = forbidListening(path);
  try {
    const value = await defaultOf(await deps.importModule(pathToFileURL(path).href));
    if (listening.error) throw listening.error;
    return toHosted(value, path, deps.log);
  } catch (error) {
    throw listening.error ?? toLoadError(error, path, deps);
  } finally {
    listening.allow();
  }
}

/** While it loads: afterwards it may open what other ports it likes. */
function forbidListening(path: string) {
  const { listen } = Server.prototype;
  const guard = {
    error: null as FailedError | null,
    allow() {
      Server.prototype.listen = listen;
    },
  };
  Server.prototype.listen = () => {
    guard.error = listensItself(path);
    throw guard.error;
  };
  return guard;
}

// A default export of CommonJS that was compiled from ES is one level further down.
async function defaultOf(namespace: unknown): Promise<unknown> {
  const { default: outer } = namespace as { default?: unknown };
  const inner = outer as { __esModule?: boolean; default?: unknown } | null | undefined;
  return await (inner?.__esModule ? inner.default : outer);
}

function toHosted(value: unknown, path: string, log: ModuleDeps['log']): Hosted {
  if (value instanceof HttpServer) return lend(value, path, log);
  if (isKoa(value)) return { request: guarded(value.callback(), log), upgrade: null };
  if (typeof value === 'function' && !isClass(value)) {
    return { request: guarded(value as Listener, log), upgrade: null };
  }
  const message = `module ${quote(path)} ${whatItExports(value)}`;
  throw new FailedError('app-exports', message, WANTED);
}

/** Its handlers serve; we listen, so that port, timeouts and drain are ours. */
function lend(server: HttpServer, path: string, log: ModuleDeps['log']): Hosted {
  if (server.listening) throw listensItself(path);
  const upgrade: Upgrade = (...event) => void server.emit('upgrade', ...event);
  return {
    request: guarded((request, response) => void server.emit('request', request, response), log),
    upgrade: server.listenerCount('upgrade') > 0 ? upgrade : null,
  };
}

// By its shape: its Koa is another copy than ours.
function isKoa(value: unknown): value is { callback(): Listener } {
  const { callback, use } = (value ?? {}) as Record<string, unknown>;
  return typeof value === 'object' && typeof callback === 'function' && typeof use === 'function';
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

/** One request that goes wrong does not end the server with all others. */
function guarded(listener: Listener, log: ModuleDeps['log']): Hosted['request'] {
  return (request, response) => {
    const failed = (error: unknown) => {
      log(`${request.method} ${quote(request.url)}: ${stackOf(error)}`);
      if (response.headersSent) return response.destroy();
      response.statusCode = 500;
      return response.end('something went wrong here; it is in the log\n');
    };
    try {
      const answered = listener(request, response);
      if (answered instanceof Promise) answered.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

function toLoadError(error: unknown, path: string, { log, hint }: ModuleDeps): MeowError {
  if (error instanceof FailedError) return error;
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(path)) return noTypeScript(path);
  log(stackOf(error));
  const message = `module ${quote(path)} threw while it was loaded: ${reason(error)}`;
  return new TimeoutError('app-threw', message, `Its stack shows where${hint}`, {
    cause: error,
  });
}

function noTypeScript(path: string): FailedError {
  const message = `Node ${process.versions.node} cannot load TypeScript: ${quote(path)}`;
  const remedy = path.endsWith('x')
    ? 'Compile it to JavaScript first'
    : 'Use Node 22.18 or newer, or compile it to JavaScript first';
  return new FailedError('app-typescript', message, remedy);
}

function listensItself(path: string): FailedError {
  const message = `module ${quote(path)} listens by itself`;
  return new FailedError('app-listens', message, `Leave listen() to meowctl. ${WANTED}`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}
