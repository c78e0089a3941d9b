import type { FleetView } from '../../model/fleet-view.ts';
import { type KnownServer, knownServers } from '../targets/servers.ts';

interface Deps {
  fleet(): Promise<FleetView>;
  order(servers: readonly KnownServer[]): Promise<void>;
}

/**
 * Orders those out, too, that took the place of such servers before these were ordered; afterwards
 * none can any more.
 */
export async function orderSuccessors(
  deps: Deps,
  of: readonly KnownServer[],
): Promise<KnownServer[]> {
  const found: KnownServer[] = [];
  for (let last = of; last.length > 0; found.push(...last)) {
    const before = new Set(last.map(({ id }) => id));
    const fleet = await deps.fleet();
    const replaced = ({ id }: KnownServer) => fleet.desiredServers.get(id)?.replaces ?? '';
    last = knownServers(fleet).filter((server) => before.has(replaced(server)));
    await deps.order(last);
  }
  return found;
}
