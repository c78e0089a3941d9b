import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import type { Messages } from './store.ts';
import { transaction } from './transaction.ts';

/** Messages that expire by themselves. */
export function createMessages(link: Link, keys: Keys): Messages {
  return {
    async set(key, message, ttlSeconds) {
      await link.run((redis) => redis.set(keys.message(key), message, 'EX', ttlSeconds));
    },
    async get(key) {
      const [message, ttlMs] = await link.run((redis) =>
        transaction(redis.multi().get(keys.message(key)).pttl(keys.message(key))),
      );
      if (typeof message !== 'string') return null;
      return { message, ttlMs: Number(ttlMs) };
    },
  };
}
