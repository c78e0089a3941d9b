import { Agent, request } from 'node:http';

export interface Load {
  /** Answers so far that were a 200. */
  good(): number;
  stop(): Promise<Loaded>;
}

export interface Loaded {
  readonly sent: number;
  /** Statuses and errors of all that was not a 200. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

export interface LoadOptions {
  readonly method?: string;
  readonly workers?: number;
  /** The path of each request in turn. */
  readonly path?: (at: number) => string;
}

/** Asks, request after request, over a few kept connections, until it is stopped. */
export function keepAsking(url: string, options: LoadOptions = {}): Load {
  const { method = 'GET', workers = 4, path = () => '/test' } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const failures: string[] = [];
  let going = true;
  let sent = 0;
  let slowestMs = 0;
  const loop = async () => {
    while (going) {
      const began = performance.now();
      const outcome = await ask(url + path(sent++), method, agent);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      if (outcome !== '200') failures.push(outcome);
    }
  };
  const loops = Promise.all(Array.from({ length: workers }, loop));
  return {
    good: () => sent - failures.length - workers,
    async stop() {
      going = false;
      await loops;
      agent.destroy();
      return { sent, failures, slowestMs: Math.round(slowestMs) };
    },
  };
}

/** The status, or what went wrong. An answer that is cut off is an error. */
function ask(url: string, method: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(url, { method, agent }, (answer) => {
      answer.on('error', (error) => resolve(error.message));
      answer.on('end', () => resolve(String(answer.statusCode)));
      answer.resume();
    });
    asked.on('error', (error) => resolve(error.message));
    asked.end();
  });
}
