import { expect } from 'vitest';
import type { StoreError } from '../../../src/errors.ts';
import type { FleetEvent } from '../../../src/model/event.ts';
import type { ConnectOptions } from '../../../src/store/connect.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ReplicatedRedis } from '../../helpers/replicated-redis.ts';
import { openStoreWith } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';

/** A store, and what it has said of its troubles. */
export interface Survivor {
  readonly store: Store;
  readonly said: readonly string[];
}

export interface Stores {
  open(over?: Partial<ConnectOptions>): Promise<Survivor>;
  close(): Promise<void>;
}

/** Stores of one test file, closed with it. */
export function openStores(url: string, usual: Partial<ConnectOptions> = {}): Stores {
  const opened: Store[] = [];
  return {
    async open(over = {}) {
      const said: string[] = [];
      const onTrouble = (line: string) => void said.push(line);
      const store = await openStoreWith({ url, onTrouble, ...usual, ...over });
      opened.push(store);
      return { store, said };
    },
    async close() {
      for (const store of opened) await store.close();
    },
  };
}

export async function failure(work: Promise<unknown>): Promise<StoreError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error as StoreError;
}

/**
 * Two failovers, one in order and one by kill -9: each time all that goes on over Redis goes on at the
 * new primary, which is told once and over once.
 */
export async function survives(redis: ReplicatedRedis, { store, said }: Survivor): Promise<void> {
  const hints: (string | null)[] = [];
  const events: FleetEvent[] = [];
  const stop = new AbortController();
  const unwatch = store.registry.watch((id) => hints.push(id));
  const follows = store.events.follow(null, (more) => events.push(...more), stop.signal);
  for (const how of ['in order', 'by kill -9'] as const) {
    const before = await redis.primary();
    if (how === 'by kill -9') await before.kill('SIGKILL');
    const now = await (how === 'in order' ? redis.failover() : redis.movedFrom(before));
    const key = `after-${now.port}`;
    // What the old one still took is lost with it.
    await until('the new primary has what is written', async () => {
      await store.messages.set(key, how, 600).catch(() => {});
      return (await redis.ask(now, 'GET', `{meow}:message:${key}`)) === how;
    });
    await until('a hint is heard', async () => {
      await redis.ask(now, 'PUBLISH', '{meow}:changes', key);
      return hints.includes(key);
    });
    await until('an event is heard', () => {
      store.registry.note({ kind: 'back', server: 'abc234', why: key });
      return events.some(({ why }) => why === key);
    });
    if (how === 'by kill -9') await before.restart();
    await redis.whole();
  }
  stop.abort();
  await follows;
  unwatch();
  // Each is told with its end, or, where this process was not awake for it, not at all.
  expect(said.length).toBeLessThanOrEqual(4);
  const ends = said.map((line) => / is back$/.test(line));
  expect(ends).toEqual(ends.map((_, at) => at % 2 === 1));
  expect(ends.length % 2).toBe(0);
}
