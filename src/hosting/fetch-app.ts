import { getRequestListener, RequestError } from '@hono/node-server';
import { quote } from '../text.ts';
import type { App } from './app.ts';
import { stackOf, WENT_WRONG, withErrorBoundary } from './error-boundary.ts';

/** What Hono, Bun, Deno and edge functions export. */
export interface FetchApp {
  fetch(request: Request, env: object, context: object): unknown;
}

export interface FetchDeps {
  /** The app's environment, which edge functions are handed with each request. */
  readonly variables: Readonly<Record<string, string>>;
  log(line: string): void;
}

/**
 * Serves an app that answers a Request with a Response. Its own Request and Response are those of
 * Node: the adapter's faster ones would take their place for everything else in this process.
 */
export function fromFetch(app: FetchApp, { variables, log }: FetchDeps): App {
  const later = new Later(log);
  const answer = async (request: Request, node: object): Promise<Response> => {
    try {
      const env = Object.assign(Object.create(variables), node);
      return checked(await app.fetch(request, env, later));
    } catch (error) {
      // A client that left is told nothing, and what was undone for it is no mistake.
      if (!request.signal.aborted) {
        log(`${request.method} ${quote(new URL(request.url).pathname)}: ${stackOf(error)}`);
      }
      return new Response(WENT_WRONG, { status: 500 });
    }
  };
  const listener = getRequestListener(answer, {
    overrideGlobalObjects: false,
    errorHandler: (error) => {
      if (error instanceof RequestError) return new Response('Bad Request\n', { status: 400 });
      throw error;
    },
  });
  return {
    request: withErrorBoundary(listener, log),
    upgrade: null,
    stop: (graceMs) => later.settled(graceMs),
  };
}

/** What an app goes on with after its answer. */
class Later {
  readonly #log: (line: string) => void;
  readonly #going = new Set<Promise<unknown>>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  // Somebody may call it without its object.
  readonly waitUntil = (work: unknown): void => {
    const done = Promise.resolve(work)
      .catch((error: unknown) => this.#log(`waitUntil: ${stackOf(error)}`))
      .finally(() => this.#going.delete(done));
    this.#going.add(done);
  };

  readonly passThroughOnException = (): void => {};

  async settled(withinMs: number): Promise<void> {
    const all = Promise.all(this.#going);
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, withinMs).unref())]);
  }
}

// By its shape: it may come from another copy of undici. The adapter would tell the client what is
// wrong with any other.
function checked(value: unknown): Response {
  const { status = 0, headers, bodyUsed, body } = (value ?? {}) as Partial<Response>;
  if (typeof headers?.get !== 'function' || status < 200) {
    throw new TypeError('fetch() gave no Response that can be sent');
  }
  if (bodyUsed || body?.locked)
    throw new TypeError('fetch() gave a Response that was used already');
  return value as Response;
}
