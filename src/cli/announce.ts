import type { Kind } from '../fleet/our-process.ts';
import type { Context } from './context.ts';

/**
 * Notes in the state folder that this process runs, until it ends.
 * @param id of a server, else null
 * @returns takes the note away
 */
export async function announceHere(
  { config, process: host, output }: Context,
  kind: Kind,
  id: string | null = null,
): Promise<() => void> {
  const [{ announce }, { fleetName }, { thisMachine }] = await Promise.all([
    import('../fleet/running.ts'),
    import('../fleet/our-process.ts'),
    import('../fleet/process-identity.ts'),
  ]);
  const { home, redisUrl, namespace } = config;
  const what = { kind, id, ...fleetName(redisUrl, namespace) };
  const leave = announce(home, what, thisMachine(home), output.talk);
  host.once('exit', leave);
  return leave;
}
