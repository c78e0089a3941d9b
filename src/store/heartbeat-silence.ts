import { StoreError } from '../errors.ts';
import type { Link } from './connection/connection.ts';
import { takesNoWrites } from './connection/trouble.ts';
import type { Keys } from './keys.ts';
import { readDoors } from './read-fleet.ts';
import { defineScript, list } from './scripts/define.ts';
import silenceText from './scripts/servers/silence.lua';
import { rehearseBeat } from './server-leases.ts';
import type { Registry, StoreSettings } from './store.ts';

/** Tells servers that are dead from servers that nobody lets say that they live. */
export function createBeatSilence(
  link: Link,
  keys: Keys,
  { leaseMs }: Pick<StoreSettings, 'leaseMs'>,
): Pick<Registry, 'silence'> {
  const refusal = async () => {
    try {
      await rehearseBeat(link, keys);
      return null;
    } catch (error) {
      if (error instanceof StoreError && error.kind !== 'unavailable') return error;
      throw error;
    }
  };

  return {
    async silence() {
      const [why, reply] = await Promise.all([
        refusal(),
        readSilence(link, keys, { prefix: keys.door(''), leaseMs }),
      ]);
      const [ago, ...doors] = list(reply);
      return {
        agoMs: typeof ago === 'number' ? ago : null,
        refusal: why,
        takesNoWrites: why !== null && takesNoWrites(why),
        doors: readDoors(doors, keys, []),
      };
    },
  };
}

const readSilence = defineScript(silenceText, {
  keys: ['leases', 'doors'],
  args: ['prefix', 'leaseMs'],
});
