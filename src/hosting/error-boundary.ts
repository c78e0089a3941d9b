import type { IncomingMessage, ServerResponse } from 'node:http';
import { quote } from '../text.ts';
import type { App } from './app.ts';

export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What a client is told of an error; the log has the rest. */
export const WENT_WRONG = 'something went wrong here; it is in the log\n';

/** One request that goes wrong does not end the server with all others. */
export function withErrorBoundary(listener: Listener, log: (line: string) => void): App['request'] {
  return (request, response) => {
    const failed = (error: unknown) => {
      log(`${request.method} ${quote(request.url)}: ${stackOf(error)}`);
      if (response.headersSent) return response.destroy();
      response.statusCode = 500;
      return response.end(WENT_WRONG);
    };
    try {
      const answered = listener(request, response);
      if (answered instanceof Promise) answered.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}
