import type { MeowError } from './errors.ts';
import type { ServerRecord } from './model/server-record.ts';
import { quote } from './text.ts';

/**
 * Who wants to know what becomes of each server that a verb works on, while it does. Nobody waits for
 * it, and it never fails.
 */
export interface Steps {
  /** What goes on with it, in words that may follow its id: `starts`. */
  now(id: string, what: string): void;
  /** What has become of it, in such words: `serves http://127.0.0.1:3001`. */
  done(id: string, what: string): void;
  failed(id: string, error: MeowError): void;
}

/** For whoever works where nobody looks on. */
export const untold: Steps = Object.freeze({
  now() {},
  done() {},
  failed() {},
});

/** What a server that has started does, in such words. */
export function doing({ url, worker, app }: ServerRecord): string {
  return worker ? `runs ${quote(app)}` : `serves ${url}`;
}

export const LEAVES = 'finishes its requests';
export const GONE = 'is gone';
