import { defaults } from '../config.ts';
import { terminate } from './launcher.ts';
import { type ClaimedProcess, INIT_PID, identify, isProcess } from './process-identity.ts';

/**
 * Ends servers of this host by SIGTERM: each finishes its requests and leaves its intent behind,
 * marked stopped. One that does not is killed.
 * @param drainMs how long each may finish
 * @returns those that had to be killed
 */
export async function stopServers<T extends ClaimedProcess>(
  servers: readonly T[],
  drainMs: number,
): Promise<readonly T[]> {
  const endings = await Promise.all(
    servers.map(async (record) => {
      const condemned = {
        pid: record.pid,
        isIt: () => record.pid !== INIT_PID && isProcess(record, identify(record.pid)),
      };
      const ending = await terminate(condemned, drainMs + defaults.drainGraceMs);
      return ending === 'killed' || ending === 'alive' ? [record] : [];
    }),
  );
  return endings.flat();
}
