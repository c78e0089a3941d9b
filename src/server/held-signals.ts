import type { EventEmitter } from 'node:events';
import { reason } from '../text.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'];

type Handler = (signal: string) => void;

/** What an app would do at a signal, kept until it has served its last request. */
export interface HeldSignals {
  /** Takes the handlers that were added since. */
  take(): void;
  /** Lets them run, as if SIGTERM had come now. Returns how many there were. */
  release(log: (line: string) => void): number;
}

/** An app that closes and exits at SIGTERM would cut what it serves: a server drains first. */
export function holdSignals(process: EventEmitter): HeldSignals {
  const before = new Set(SIGNALS.flatMap((signal) => process.listeners(signal)));
  const held = new Map<string, Handler[]>();
  return {
    take() {
      for (const signal of SIGNALS) {
        const added = process.listeners(signal).filter((handler) => !before.has(handler));
        for (const handler of added) process.off(signal, handler as Handler);
        held.set(signal, added as Handler[]);
      }
    },
    release(log) {
      const handlers = held.get('SIGTERM')?.length ? held.get('SIGTERM') : held.get('SIGINT');
      for (const handler of handlers ?? []) {
        try {
          handler('SIGTERM');
        } catch (error) {
          log(reason(error));
        }
      }
      return handlers?.length ?? 0;
    },
  };
}
