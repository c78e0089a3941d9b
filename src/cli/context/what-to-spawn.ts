import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { Context, OpenStore } from './context.ts';
import { openDesiredState } from './fleet-deps.ts';

/**
 * The app to start: the one that is named, else the one that runs here or ran here last.
 * @throws UsageError where nothing is named, and it is not clear
 */
export async function whatToSpawn(
  context: Context,
  open: OpenStore,
  asked: AskedSpec | null,
): Promise<AppSpec> {
  const { appsHere, whichApp } = await import('../../fleet/targets/app.ts');
  // An emptied Redis gets back what was wanted before anything is added to it.
  const desired = await openDesiredState(context, open);
  if (asked?.isNamed) return asked.spec;
  const fleet = await open.store.registry.fleet();
  const apps = appsHere(fleet, await desired.look(fleet));
  const { home, childEnv } = context.config;
  return whichApp(home, asked, apps, childEnv).more();
}
