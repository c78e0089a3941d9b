import type { Keys } from './keys.ts';
import type { Link } from './link.ts';
import type { Registry } from './store.ts';

/** The hint that the registry changed. Pub/sub loses words: whoever listens also looks by itself. */
export function createChanges(link: Link, keys: Keys): Pick<Registry, 'watch'> {
  return {
    async watch(listener) {
      const heard = (channel: string, id: string) => {
        if (channel === keys.changes) listener(id);
      };
      const back = () => listener(null);
      link.redis.on('message', heard);
      link.redis.on('ready', back);
      await link.run((redis) => redis.subscribe(keys.changes));
      return () => {
        link.redis.off('message', heard);
        link.redis.off('ready', back);
      };
    },
  };
}
