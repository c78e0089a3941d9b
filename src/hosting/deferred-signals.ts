import type { EventEmitter } from 'node:events';
import { stackOf } from './error-boundary.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];

type Handler = (signal: string) => unknown;

/** What an app would do at a signal, kept until it has served its last request. */
export interface DeferredSignals {
  /** Takes the handlers that were added since. */
  take(): void;
  /**
   * Runs the handlers of a signal once, as if it had come now; without a signal those of SIGTERM, or
   * else of SIGINT. Returns how many there were.
   */
  release(log: (line: string) => void, signal?: string): number;
}

/** An app that closes and exits at SIGTERM would cut what it serves: a server drains first. */
export function deferSignals(proc: EventEmitter): DeferredSignals {
  const handlersOf = (signal: string): Handler[] => {
    // Handlers of other signals were left in place.
    if (!SIGNALS.includes(signal)) return proc.listeners(signal) as Handler[];
    const handlers = deferred.get(signal) ?? [];
    deferred.delete(signal);
    return handlers;
  };
  const before = new Set(SIGNALS.flatMap((signal) => proc.listeners(signal)));
  const deferred = new Map<string, Handler[]>();
  return {
    take() {
      for (const signal of SIGNALS) {
        const added = proc.listeners(signal).filter((handler) => !before.has(handler));
        for (const handler of added) proc.off(signal, handler as Handler);
        deferred.set(signal, added as Handler[]);
      }
    },
    release(log, asked) {
      const signal = asked ?? 'SIGTERM';
      const own = handlersOf(signal);
      const handlers = own.length > 0 || asked ? own : handlersOf('SIGINT');
      for (const handler of handlers) void run(handler, signal, log);
      return handlers.length;
    },
  };
}

// It may be async, and its failure affects nothing else.
async function run(handler: Handler, signal: string, log: (line: string) => void): Promise<void> {
  try {
    await handler(signal);
  } catch (error) {
    log(`${signal}: ${stackOf(error)}`);
  }
}
