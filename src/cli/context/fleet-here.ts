import type { FleetName, Running } from '../../process/our-process.ts';
import type { Settings } from '../../settings.ts';
import { parseRedisUrl } from '../../store/connection/redis-url.ts';
import type { Context } from './context.ts';

/** What runs from the state folder: of the fleet that this run means, and of others. */
export interface FleetHere {
  readonly ours: readonly Running[];
  readonly others: readonly Running[];
}

/** A folder has one `up`, whichever fleet it brought up. */
export async function fleetHere({ config }: Context): Promise<FleetHere> {
  const [{ allHere }, { thisMachine }] = await Promise.all([
    import('../../fleet/destroy/end-here.ts'),
    import('../../process/identity.ts'),
  ]);
  const machine = thisMachine(config.home);
  const running = allHere(config.home, machine).filter(({ pid }) => pid !== machine.pid);
  const isOfFleet = await fleetOf(config);
  const isOurs = (each: Running) => each.kind === 'up' || isOfFleet(each);
  return { ours: running.filter(isOurs), others: running.filter((each) => !isOurs(each)) };
}

/** Empties the list of what is wanted here, as far as it can be told without Redis. */
export async function forgetDesired({ config }: Context): Promise<void> {
  const [{ localAddress }, { knownRegistry }, { dropFleet }] = await Promise.all([
    import('../../local-redis/recorded-run.ts'),
    import('../../state/known-registry.ts'),
    import('../../state/desired-files.ts'),
  ]);
  const { home, namespace, redisUrl, redisProbeUrl } = config;
  const urls = redisUrl === null ? [localAddress(home), redisProbeUrl] : [redisUrl];
  for (const url of urls) {
    if (url === null) continue;
    const { label, db } = parseRedisUrl(url);
    const registry = knownRegistry(home, `${label}/${db} ${namespace}`);
    if (registry !== null) dropFleet(home, { registry, namespace });
  }
}

/** Whether what carries a fleet's name belongs to the one that this run means. */
export async function fleetOf(config: Settings): Promise<(named: FleetName) => boolean> {
  const redises = await redisesOf(config);
  return ({ namespace, redis }) => namespace === config.namespace && redises.has(redis);
}

/** The names that the Redis of this run may have been started with. */
export async function redisesOf({ home, redisUrl, redisProbeUrl, namespace }: Settings) {
  const [{ localAddress }, { fleetName }] = await Promise.all([
    import('../../local-redis/recorded-run.ts'),
    import('../../process/our-process.ts'),
  ]);
  const usual = [localAddress(home), redisProbeUrl].map((url) => fleetName(url, namespace).redis);
  if (redisUrl === null) return new Set([null, ...usual]);
  const named = fleetName(redisUrl, namespace).redis;
  return new Set(usual.includes(named) ? [null, named, ...usual] : [named]);
}
