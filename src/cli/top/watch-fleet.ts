import { hostname } from 'node:os';
import { httpUrl } from '../../address.ts';
import { defaults } from '../../defaults.ts';
import { isOfHost, thisMachine } from '../../process/identity.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { type SourcedOverview, Watch } from './source/watch.ts';

/** Looks at the fleet of this store, from this host. @throws StoreError where the first look fails */
export async function watchFleet(
  { config, version, output }: Context,
  { store }: OpenStore,
  onOverview: (sourced: SourcedOverview) => void,
): Promise<Watch> {
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
      log: output.talk,
    },
    onOverview,
  );
  await watch.start();
  return watch;
}
