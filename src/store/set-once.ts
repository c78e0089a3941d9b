import { StoreError } from '../errors.ts';
import { parseRegistryId } from '../model/beat-reply.ts';
import { quote } from '../text.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import type { Schema } from './schema.ts';
import { defineScript } from './scripts/define.ts';
import setOnceText from './scripts/servers/set-once.lua';
import type { Registry } from './store.ts';

const STICKY_KEY = /^[A-Za-z0-9_-]{43}$/;

/** What whoever asks first sets, once for all: the registry's id, and the key of the sticky cookie. */
export function createSetOnce(
  link: Link,
  keys: Keys,
  schema: Pick<Schema, 'settle'>,
): Pick<Registry, 'id' | 'stickyKey'> {
  return {
    async id() {
      // Read first: it may be there where Redis takes no writes.
      const [found] = await Promise.all([
        link.run((redis) => redis.get(keys.registry)),
        schema.settle(),
      ]);
      if (found !== null) return known(parseRegistryId(found), keys.registry);
      const reply = await setOnce(link, { key: keys.registry }, { fresh: freshRegistryId() });
      return known(parseRegistryId(reply), keys.registry);
    },
    async stickyKey(fresh) {
      const key = await setOnce(link, { key: keys.sticky }, { fresh });
      return typeof key === 'string' && STICKY_KEY.test(key) ? key : null;
    },
  };
}

export function freshRegistryId(): string {
  return globalThis.crypto.randomUUID();
}

function known(registry: string | null, key: string): string {
  if (registry !== null) return registry;
  const message = `key ${quote(key)} in Redis does not hold the id of a registry`;
  throw new StoreError('damaged', message, 'Remove that key');
}

const setOnce = defineScript(setOnceText, { keys: ['key'], args: ['fresh'] });
