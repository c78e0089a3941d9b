import type { AppSpec } from '../store/records.ts';
import type { Context } from './context.ts';

/** What a person asked for on this machine, marked so that it may be started here again. */
export async function sealed({ config }: Context, spec: AppSpec | null): Promise<AppSpec | null> {
  if (spec === null) return null;
  const [{ prepareStateFolder }, { sealSpec }] = await Promise.all([
    import('../fleet/state-folder.ts'),
    import('../fleet/seal.ts'),
  ]);
  prepareStateFolder(config.home);
  return sealSpec(config.home, spec);
}
