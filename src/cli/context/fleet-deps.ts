import { defaults } from '../../defaults.ts';
import type { ServerProgram } from '../../fleet/spawn/serve-command.ts';
import { parseRedisUrl } from '../../store/connection/redis-url.ts';
import type { Context, OpenStore } from './context.ts';

/** What is wanted on this host, in the fleet of this store. */
export async function openDesiredState({ config, output }: Context, { store, url }: OpenStore) {
  const [{ DesiredState }, { thisMachine }, { prepareStateFolder }] = await Promise.all([
    import('../../fleet/desired/desired-state.ts'),
    import('../../process/identity.ts'),
    import('../../state/folder.ts'),
  ]);
  const { home, namespace, childEnv: env } = config;
  prepareStateFolder(home);
  const { label, db = 0 } = parseRedisUrl(url);
  return DesiredState.open({
    home,
    namespace,
    address: `${label}/${db}`,
    machine: thisMachine(home),
    registry: store.registry,
    desiredServers: store.desiredServers,
    pendingKeepMs: defaults.pendingKeepMs,
    env,
    say: (line) => output.talk(`meowctl: ${line}`),
  });
}

type StartSettings = Omit<typeof defaults, 'serverHost'> & { readonly serverHost: string };

/** How this run starts servers: itself, with what it was told, by environment only; and by which defaults. */
export function serverProgram(
  context: Context,
  { url }: OpenStore,
): ServerProgram & { readonly settings: StartSettings } {
  const { config, cliPath, process, ends } = context;
  return {
    execPath: process.execPath,
    cliPath,
    childEnv: config.childEnv,
    redisUrl: url,
    namespace: config.namespace,
    home: config.home,
    settings: { ...defaults, serverHost: config.serverHost },
    ends,
  };
}
