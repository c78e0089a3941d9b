import type { RunningServer, ServeDeps, ServeOptions } from './options.ts';
import { FleetServer } from './server.ts';

/**
 * One server's life: listen, check itself, register, beat, and leave when it is told to.
 * @throws FailedError when it cannot listen, StoreError when it cannot register
 */
export async function serve(deps: ServeDeps, options: ServeOptions): Promise<RunningServer> {
  const life = new FleetServer(deps, options);
  try {
    await life.start();
  } catch (error) {
    deps.onFail?.(error);
    await life.abandon();
    throw error;
  }
  return life;
}
