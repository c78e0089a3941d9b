import type { FleetView } from '../../model/fleet-view.ts';
import type { Context } from '../context/context.ts';
import type { Row } from './rows.ts';

const WHY = 'this host has not signed it, and will not start it';

/** Says of what Redis wants here, and the state folder does not, that it is never started. */
export async function explainUnsigned(
  rows: readonly Row[],
  { intents }: Pick<FleetView, 'intents'>,
  { config: { home } }: Context,
): Promise<readonly Row[]> {
  // Most often all serve, and nothing is to be explained.
  if (!rows.some(({ id, state }) => state === 'lost' && intents.has(id))) return rows;
  const [{ thisMachine }, { isTrusted }] = await Promise.all([
    import('../../process/identity.ts'),
    import('../../state/desired-files.ts'),
  ]);
  const { hostId, host } = thisMachine(home);
  return rows.map((row) => {
    const intent = intents.get(row.id);
    const isOfHost =
      intent?.hostId === undefined ? intent?.host === host : intent.hostId === hostId;
    const isRefused = row.state === 'lost' && intent && isOfHost && !isTrusted(home, intent);
    return isRefused ? { ...row, why: WHY } : row;
  });
}
