import { createBackends, SERVERS } from './backends.mjs';

/**
 * What a proxy that learns of its servers by a new config does: the new server runs before the
 * config names it, and the old one ends after the proxy has let it go.
 * @param {import('../lib/world.mjs').World} world
 * @param {string} notes folder
 * @param {(ports: readonly number[]) => Promise<void>} use writes the config, and loads it where one was loaded before
 */
export async function createReloaded(world, notes, use) {
  const backends = createBackends(world, notes);
  let serving = [];
  for (let left = SERVERS; left > 0; left -= 1) serving.push(await backends.open());
  const useThem = (next) => {
    serving = next;
    return use(serving.map(({ port }) => port));
  };
  await useThem(serving);
  return {
    async roll() {
      for (const old of serving) {
        const fresh = await backends.open();
        await useThem(serving.map((backend) => (backend === old ? fresh : backend)));
        await backends.close(old);
      }
    },
    async retire() {
      const [old, ...rest] = serving;
      await useThem(rest);
      await backends.close(old);
    },
    grow: async () => useThem([...serving, await backends.open()]),
    reload: () => useThem(serving),
  };
}
