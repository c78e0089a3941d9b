import { NothingError } from '../../errors.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import {
  type DestroyDeps,
  type Destroyed,
  type DestroyOptions,
  destroyServers,
} from './destroy.ts';

type How = Pick<DestroyOptions, 'drainMs' | 'signal' | 'steps'>;

/**
 * Destroys the servers whose ids `choose` picks. One may leave, or be replaced by a reconciler, between
 * that look and its order: then nothing was done yet, and it picks again.
 */
export async function destroyChosen(
  deps: DestroyDeps,
  choose: (fleet: FleetView) => readonly string[] | Promise<readonly string[]>,
  how: How,
): Promise<Destroyed> {
  for (;;) {
    const targets = await choose(await deps.registry.fleet());
    if (targets.length === 0) return { asked: 0, gone: [], failed: [] };
    try {
      return await destroyServers(deps, { targets, all: false, force: true, ...how });
    } catch (error) {
      if (!(error instanceof NothingError)) throw error;
    }
  }
}
