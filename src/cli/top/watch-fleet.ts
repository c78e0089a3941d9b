import { hostname } from 'node:os';
import { httpUrl } from '../../address.ts';
import { defaults } from '../../defaults.ts';
import { isOutage } from '../../errors.ts';
import { isOfHost, thisMachine } from '../../process/identity.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { doorsHere } from '../context/doors-here.ts';
import { type SourcedOverview, Watch } from './source/watch.ts';

/**
 * A store to look at the fleet with: also one whose Redis is away, where a door of this state folder
 * can show what it sees.
 * @param persistent whether it is looked at for long, over failovers and outages
 * @throws StoreError
 */
export async function openForLook(context: Context, persistent: boolean): Promise<OpenStore> {
  try {
    return await context.openStore({ persistent });
  } catch (error) {
    if (!isOutage(error) || (await doorsHere(context)).length === 0) throw error;
    return await context.openStore({ persistent: true, mayBeAway: true });
  }
}

/**
 * Looks at the fleet of this store, from this host.
 * @throws StoreError where the first look fails, and no door of this state folder shows what it sees
 */
export async function watchFleet(
  context: Context,
  { store }: OpenStore,
  onOverview: (sourced: SourcedOverview) => void,
): Promise<Watch> {
  const { config, version, output } = context;
  const machine = thisMachine(config.home);
  const watch = new Watch(
    store,
    {
      leaseMs: defaults.leaseMs,
      host: hostname(),
      version,
      isHere: (record) => isOfHost(record, machine),
      usualAdmin: httpUrl(defaults.adminHost, defaults.adminPort),
      everyMs: defaults.overviewMs,
      doorsHere: async () => (await doorsHere(context)).map(({ admin }) => admin),
      log: output.talk,
    },
    onOverview,
  );
  await watch.start();
  return watch;
}
