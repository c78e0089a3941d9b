import type { FleetView } from '../../model/fleet-view.ts';
import { type KnownServer, knownServers } from '../targets/servers.ts';

interface Deps {
  fleet(): Promise<FleetView>;
  order(servers: readonly KnownServer[]): Promise<void>;
}

/**
 * Orders also the successors of these servers to leave: those that took their places before the order
 * came. Once it has, nobody can take their places any more.
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
