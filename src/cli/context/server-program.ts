import type { ServerProgram } from '../../fleet/spawn/serve-command.ts';
import type { Context, OpenStore } from './context.ts';

/** How this run starts servers: itself, with what it was told, by environment only. */
export function serverProgram(context: Context, { url }: OpenStore): ServerProgram {
  const { config, cliPath, process } = context;
  return {
    execPath: process.execPath,
    cliPath,
    childEnv: config.childEnv,
    redisUrl: url,
    namespace: config.namespace,
    home: config.home,
  };
}
