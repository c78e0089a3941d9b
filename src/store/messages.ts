import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import { defineScript, list } from './scripts/define.ts';
import readText from './scripts/messages/read.lua';
import type { Messages } from './store.ts';

/**
 * Messages that expire by themselves. One is read with what is left of its time in one script: between
 * two commands it could be gone.
 */
export function createMessages(link: Link, keys: Keys): Messages {
  return {
    async set(key, message, ttlSeconds) {
      await link.run((redis) => redis.set(keys.message(key), message, 'EX', ttlSeconds));
    },
    async get(key) {
      const [message, ttlMs] = list(await read(link, { message: keys.message(key) }));
      if (typeof message !== 'string') return null;
      return { message, ttlMs: Number(ttlMs) };
    },
  };
}

const read = defineScript(readText, { keys: ['message'] });
