import { defaults } from '../defaults.ts';
import { parseRedisUrl } from '../store/connection/redis-url.ts';
import { readPassword, readRun } from './files.ts';
import { answersPing, askOurs } from './ping.ts';

export interface RedisPlaces {
  readonly home: string;
  /** The usual address, tried after the local one. */
  readonly probeUrl: string;
}

export interface FoundRedis {
  readonly url: string;
  readonly source: 'local' | 'probe';
}

/** A local Redis answers at once, or it is busy; waiting longer helps nobody. */
export const REDIS_ANSWER_MS = 400;

/**
 * The local Redis of the state folder, else the one at the usual address, if it answers. Reads only.
 * @throws UsageError when the usual address cannot be right
 */
export async function findRedis({ home, probeUrl }: RedisPlaces): Promise<FoundRedis | null> {
  const usual = parseRedisUrl(probeUrl, 'MEOW_REDIS_PROBE');
  const local = await findLocal(home);
  if (local) return local;
  const answers = await answersPing(usual.place, REDIS_ANSWER_MS);
  return answers ? { url: probeUrl, source: 'probe' } : null;
}

export function localUrl(port: number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

async function findLocal(home: string): Promise<FoundRedis | null> {
  const password = readPassword(home);
  if (password === null) return null;
  const port = readRun(home)?.port ?? defaults.localRedisPort;
  const answer = await askOurs(port, password, REDIS_ANSWER_MS);
  if (answer !== 'ours' && answer !== 'loading') return null;
  return { url: localUrl(port, password), source: 'local' };
}
