import { Redis } from 'ioredis';
import type { TestRedis } from './redis.ts';

export const PASSWORD = 'sesame-open';
const ANSWER_MS = 5_000;

/** Several nodes that are one Redis, of which another takes over where the primary goes. */
export interface ReplicatedRedis {
  /** With the password of Redis. */
  readonly url: string;
  /** What else a process needs to enter. */
  readonly env: Readonly<Record<string, string>>;
  /** Who has our keys now, as the others see it. */
  primary(): Promise<TestRedis>;
  /** Who follows that one. */
  replica(): Promise<TestRedis>;
  /** A command to one node. */
  ask(node: TestRedis, ...words: (string | number)[]): Promise<unknown>;
  /** In order, while all are well. Resolves once another node is the primary. */
  failover(): Promise<TestRedis>;
  /** Another node than this one is the primary. */
  movedFrom(node: TestRedis): Promise<TestRedis>;
  /** All run, know each other and follow whom they are to follow. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/** One command over a connection of its own. */
export async function askOnce(
  port: number,
  password: string,
  [name = '', ...rest]: readonly (string | number)[],
): Promise<unknown> {
  const redis = new Redis(port, '127.0.0.1', {
    password,
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS, // one that is stopped takes connections
  });
  redis.on('error', () => {}); // it is told by the command too
  try {
    await redis.connect();
    return await redis.call(String(name), ...rest);
  } finally {
    redis.disconnect();
  }
}
