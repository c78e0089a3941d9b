import { defaults } from '../../defaults.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { Context, OpenStore } from './context.ts';

/**
 * Before anything is started here: see fleet/desired/settle-host.ts.
 * @param asked what is to be started, kept with the state folder's key as it was
 * @returns the same, kept with the key as it is now
 */
export async function settle<Asked extends AskedSpec | null>(
  { config, output }: Context,
  { store }: OpenStore,
  asked: Asked,
): Promise<Asked> {
  const [{ settleHost }, { prepareStateFolder }, { keepValues, readValues }] = await Promise.all([
    import('../../fleet/desired/settle-host.ts'),
    import('../../state/folder.ts'),
    import('../../environment/kept-values.ts'),
  ]);
  const { home } = config;
  prepareStateFolder(home);
  const digest = asked?.spec.envDigest ?? null;
  const values = digest === null ? null : readValues(home, digest);
  const { registry, desiredServers } = store;
  const say = (line: string) => output.talk(`meowctl: ${line}`);
  const hasNewKey = await settleHost({ home, registry, desiredServers, settings: defaults, say });
  if (!hasNewKey || asked === null) return asked;
  return { ...asked, spec: { ...asked.spec, ...(values && keepValues(home, values)) } };
}
