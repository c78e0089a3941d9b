import type { Redis } from 'ioredis';
import { troubleInWords } from '../expected-errors.ts';
import { refusal } from './connection/client.ts';
import type { Link } from './connection/connection.ts';
import { isTrouble, storeError } from './connection/trouble.ts';
import type { Keys } from './keys.ts';
import type { Registry } from './store.ts';

const AGAIN_MS = 60_000;

/**
 * The hint that the registry changed. Pub/sub loses words, and the right to it may be missing, so
 * whoever listens also looks by itself: a subscription that fails harms nobody, and is made again
 * with each connection.
 * @param say told once that Redis refuses it
 */
export function createChanges(
  link: Link,
  keys: Keys,
  say: (line: string) => void,
): Pick<Registry, 'watch'> {
  const listeners = new Set<(id: string | null) => void>();
  let stop = () => {};
  let again: NodeJS.Timeout | undefined;
  let refused = false;

  const tell = (id: string | null) => {
    for (const listener of listeners) listener(id);
  };
  const heard = (channel: string, id: string) => {
    if (channel === keys.changes) tell(id);
  };
  const subscribe = async (redis: Redis): Promise<void> => {
    clearTimeout(again);
    try {
      await redis.subscribe(keys.changes);
      refused = false;
    } catch (cause) {
      if (!isTrouble(cause)) return say(`changes: ${troubleInWords(cause)}`);
      if (refusal(cause) === null) return; // the connection broke: the next one subscribes
      if (!refused) say(`${storeError(link.label, cause).message}; ${SLOWER}`);
      refused = true;
      again = setTimeout(() => void subscribe(redis), AGAIN_MS).unref();
    }
  };
  const connected = (redis: Redis) => {
    redis.off('message', heard);
    redis.on('message', heard);
    void subscribe(redis);
    tell(null); // anything may have changed
  };

  return {
    watch(listener) {
      if (listeners.size === 0) stop = link.onConnection(connected);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
  };
}

const SLOWER = 'changes of the fleet are seen within a second instead of at once';
