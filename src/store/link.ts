import type { Redis } from 'ioredis';
import type { StoreError } from '../errors.ts';
import { withinAwake } from './awake-timer.ts';
import { storeError } from './trouble.ts';

const PROBE_EVERY_MS = 250;
const TROUBLE_EVERY_MS = 1_000;
// In the client's own words: it has a limit too, see connect.ts.
const TIMED_OUT = 'Command timed out';

/** The connection as the rest of the room uses it. */
export interface Link {
  readonly label: string;
  readonly redis: Redis;
  /**
   * Runs one command or script.
   * @throws StoreError, whatever the client threw
   */
  run<T>(send: (redis: Redis) => Promise<T>): Promise<T>;
  /** Whether the last command got no answer in time. */
  silent(): boolean;
}

/**
 * Wraps a connection so that every failure is a StoreError, and a Redis that has gone silent is
 * asked at most four times a second: a stopped Redis must not fill our memory with commands.
 * @param commandMs how long a command may take; the time that this process sleeps does not count
 */
export function createLink(redis: Redis, label: string, commandMs: number): Link {
  const clock = () => performance.now();
  let silent = false;
  let askedAt = 0;
  const run = async <T>(send: (redis: Redis) => Promise<T>): Promise<T> => {
    if (silent && clock() - askedAt < PROBE_EVERY_MS) throw noAnswer(label);
    if (silent) askedAt = clock();
    try {
      const reply = await withinAwake(send(redis), commandMs, timedOut);
      silent = false;
      return reply;
    } catch (cause) {
      const tooLate = cause instanceof Error && cause.message === TIMED_OUT;
      if (tooLate && !silent) askedAt = clock();
      silent = tooLate;
      throw storeError(label, cause);
    }
  };
  return { label, redis, run, silent: () => silent };
}

/** Says what is wrong with Redis once, and once when it is well again; at most a line a second. */
export function createTroubleReport(label: string, say: (line: string) => void) {
  let last: string | null = null;
  let saidAt = Number.NEGATIVE_INFINITY;
  const trouble = (cause: unknown): void => {
    const { message } = storeError(label, cause);
    if (message === last || performance.now() - saidAt < TROUBLE_EVERY_MS) return;
    last = message;
    saidAt = performance.now();
    say(message);
  };
  return {
    trouble,
    // Every failed attempt to come back ends in a close too: only the first one is news.
    lost(): void {
      if (last === null) trouble(new Error('Connection is closed.'));
    },
    well(): void {
      if (last !== null) say(`Redis at ${label} is back`);
      last = null;
    },
  };
}

function noAnswer(label: string): StoreError {
  return storeError(label, timedOut());
}

function timedOut(): Error {
  return new Error(TIMED_OUT);
}
