import type { FleetView } from '../../model/fleet-view.ts';
import type { Row } from './rows.ts';

const WHY = 'this host has not signed it, and will not start it';

/** Says of what Redis wants here, and the state folder does not, that it is never started. */
export async function explainUnsigned(
  rows: readonly Row[],
  { desiredServers }: Pick<FleetView, 'desiredServers'>,
  home: string,
): Promise<readonly Row[]> {
  // Most often all serve, and nothing is to be explained.
  if (!rows.some(({ id, state }) => state === 'lost' && desiredServers.has(id))) return rows;
  const [{ thisMachine }, { isTrusted }] = await Promise.all([
    import('../../process/identity.ts'),
    import('../../state/desired-files.ts'),
  ]);
  const { hostId, host } = thisMachine(home);
  return rows.map((row) => {
    const desired = desiredServers.get(row.id);
    const isOfHost =
      desired?.hostId === undefined ? desired?.host === host : desired.hostId === hostId;
    const isRefused = row.state === 'lost' && desired && isOfHost && !isTrusted(home, desired);
    return isRefused ? { ...row, why: WHY } : row;
  });
}
