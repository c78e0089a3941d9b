import { bootId, identify } from '../process/identity.ts';
import { type RedisRun, readPassword, readRun, redisConfig } from './files.ts';
import { localUrl, type RedisSettings } from './find.ts';
import { askPid } from './ping.ts';

/** Where ours runs: as recorded, or as it says itself if whoever started it was cut off. */
export async function findRun(home: string, settings: RedisSettings): Promise<RedisRun | null> {
  const recorded = readRun(home);
  if (recorded && isRun(home, recorded)) return recorded;
  const password = readPassword(home);
  if (password === null) return null;
  const port = recorded?.port ?? settings.localRedisPort;
  const pid = (await askPid(port, password, settings.localRedisAnswerMs)) ?? 0;
  const pidStart = identify(pid)?.start ?? '';
  const run = { port, pid, pidStart, bootId: bootId() };
  return isRun(home, run) ? run : null;
}

/** Pid, start time and the path of its settings must all be right, since this machine started. */
export function isRun(home: string, { pid, pidStart, bootId: began }: RedisRun): boolean {
  const found = identify(pid);
  return (
    found !== null &&
    found.start === pidStart &&
    found.commandLine.includes(redisConfig(home)) &&
    began === bootId()
  );
}

/** The address of the local Redis that was last seen running, whether it does now or not. */
export function localAddress(home: string): string | null {
  const run = readRun(home);
  const password = readPassword(home);
  return run && password !== null ? localUrl(run.port, password) : null;
}
