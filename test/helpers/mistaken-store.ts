import { defaults } from '../../src/defaults.ts';
import { eventText } from '../../src/model/event.ts';
import type { Link } from '../../src/store/connection/connection.ts';
import { openConnection, openLastingConnection } from '../../src/store/connection/open.ts';
import { parseRedisUrl } from '../../src/store/connection/redis-url.ts';
import { discover } from '../../src/store/discovery/discover.ts';
import { createKeys } from '../../src/store/keys.ts';
import { createPictures } from '../../src/store/pictures/enqueue.ts';
import { createRegistry } from '../../src/store/registry.ts';
import { createVisits } from '../../src/store/visits.ts';

/** What our own code is to have done wrong. */
export const MISTAKE = "Cannot read properties of undefined (reading 'eval')";

/** A link to a real Redis, with which our code makes a mistake inside `run` for as long as it is told to. */
export async function openMistakenStore(url: string) {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const keys = createKeys('meow');
  const how = { connectMs: 2_000, sentinel: {}, key: keys.registry };
  const way = discover(parseRedisUrl(url), how);
  const times = { commandMs: 1_000, silentMs: 2_000 };
  const options = { ...times, say, takesWrites: async () => null };
  const real = await openLastingConnection(way, options);
  const state = { mistaken: false };
  const link: Link = {
    ...real,
    run: (send) => real.run((redis) => (state.mistaken ? mistake() : send(redis))),
  };
  return {
    link,
    said,
    registry: createRegistry(link, keys, defaults, { say, toText: eventText, note() {} }),
    images: createPictures(link, keys, defaults, () => openConnection(way, options)),
    visits: createVisits(link, keys, defaults, say),
    /** Until `work` is done. */
    async whileMistaken<T>(work: () => T | Promise<T>): Promise<T> {
      state.mistaken = true;
      try {
        return await work();
      } finally {
        state.mistaken = false;
      }
    },
    close: () => real.close(),
  };
}

function mistake(): never {
  throw new TypeError(MISTAKE);
}
