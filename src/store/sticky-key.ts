import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import { readRegistryId } from './scripts/registry.ts';
import { runScript } from './scripts/run.ts';
import type { Registry } from './store.ts';

const KEY = /^[A-Za-z0-9_-]{43}$/;

/** The key of the sticky cookie: whoever asks first sets it, once, as the registry's id is set. */
export function createStickyKey(link: Link, keys: Keys): Pick<Registry, 'stickyKey'> {
  return {
    async stickyKey(fresh) {
      const key = await runScript(link, readRegistryId, [keys.sticky], fresh);
      return typeof key === 'string' && KEY.test(key) ? key : null;
    },
  };
}
