import type { RunningServer, ServeDeps, ServeOptions } from './options.ts';
import { FleetServer } from './server.ts';

/**
 * Runs one server: listen, check itself, register, beat, and leave when it is told to.
 * @throws FailedError when it cannot listen, StoreError when it cannot register
 */
export async function serve(deps: ServeDeps, options: ServeOptions): Promise<RunningServer> {
  const server = new FleetServer(deps, options);
  try {
    await server.start();
  } catch (error) {
    deps.onFail?.(error);
    await server.abandon();
    throw error;
  }
  return server;
}
