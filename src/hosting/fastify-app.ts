import type { Server } from 'node:http';
import type { App, Upgrade } from './app.ts';
import { type Listener, withErrorBoundary } from './error-boundary.ts';

/** A Fastify instance, as far as it is needed. */
export interface FastifyApp {
  ready(): Promise<unknown>;
  close(): Promise<unknown>;
  readonly server: Server;
  /** Since Fastify 4. */
  readonly routing?: Listener;
}

// By its shape: it is the app's own copy.
export function isFastify(value: unknown): value is FastifyApp {
  const { ready, inject, close, server } = (value ?? {}) as Record<string, unknown>;
  const isShaped = [ready, inject, close].every((each) => typeof each === 'function');
  return typeof value === 'object' && isShaped && typeof server === 'object' && server !== null;
}

/** Its plugins are loaded first; what they have to close is closed after its last answer. */
export async function fromFastify(app: FastifyApp, log: (line: string) => void): Promise<App> {
  await app.ready();
  const { server, routing } = app;
  const emit: Listener = (request, response) => void server.emit('request', request, response);
  const upgrade: Upgrade = (...event) => void server.emit('upgrade', ...event);
  return {
    request: withErrorBoundary(
      routing ? (request, response) => routing(request, response) : emit,
      log,
    ),
    upgrade: server.listenerCount('upgrade') > 0 ? upgrade : null,
    async stop(graceMs) {
      const closed = app.close().catch((error: unknown) => log(`close: ${error}`));
      await Promise.race([closed, new Promise((go) => setTimeout(go, graceMs).unref())]);
    },
  };
}
