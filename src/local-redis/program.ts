import { StoreError } from '../errors.ts';
import { onPath } from '../process/own-program.ts';
import { plain } from '../text.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** The first program on this PATH that is a Redis; null where there is none. */
export function findRedisProgram(path: string): string | null {
  return PROGRAMS.flatMap((name) => onPath(name, { PATH: path })).at(0) ?? null;
}

/** @param probeUrl where none answered */
export function notInstalled(probeUrl: string): StoreError {
  const { host } = new URL(probeUrl);
  return new StoreError(
    'unavailable',
    `no Redis: none answers at ${plain(host)}, and neither redis-server nor valkey-server is on PATH`,
    'Install one (apt-get install redis-server, dnf install valkey, brew install redis), or set REDIS_URL',
  );
}
