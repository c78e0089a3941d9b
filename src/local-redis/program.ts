import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StoreError } from '../errors.ts';
import { plain } from '../text.ts';

const PROGRAMS = ['redis-server', 'valkey-server'];

/** The first program on this PATH that is a Redis; null where there is none. */
export function findRedisProgram(path: string): string | null {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const places = PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name)));
  return places.find(mayRun) ?? null;
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return false;
    throw error;
  }
}

export function notInstalled(probeUrl: string): StoreError {
  const { host } = new URL(probeUrl);
  return new StoreError(
    'unavailable',
    `no Redis: none answers at ${plain(host)}, and neither redis-server nor valkey-server is on PATH`,
    'Install one (apt-get install redis-server, dnf install valkey, brew install redis), or set REDIS_URL',
  );
}
