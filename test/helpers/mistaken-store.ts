import { defaults } from '../../src/defaults.ts';
import { eventText } from '../../src/model/event.ts';
import type { Link } from '../../src/store/connection/connection.ts';
import { openLastingConnection } from '../../src/store/connection/open.ts';
import { parseRedisUrl } from '../../src/store/connection/redis-url.ts';
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
  const address = parseRedisUrl(url);
  const times = { connectMs: 2_000, commandMs: 1_000, silentMs: 2_000 };
  const options = { ...times, say, takesWrites: async () => null };
  const real = await openLastingConnection(address, options);
  const state = { mistaken: false };
  const link: Link = {
    ...real,
    run: (send) => real.run((redis) => (state.mistaken ? mistake() : send(redis))),
  };
  const keys = createKeys('meow');
  return {
    link,
    said,
    registry: createRegistry(link, keys, defaults, { say, toText: eventText, note() {} }),
    images: createPictures(link, keys, defaults),
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
