import { parseNodeUrl } from '../store/connection/redis-url.ts';
import { readPassword, readRun } from './files.ts';
import { answersPing, askOurs } from './ping.ts';

type RedisLimit =
  | 'localRedisAnswerMs'
  | 'localRedisPort'
  | 'localRedisPorts'
  | 'localRedisSilentMs'
  | 'localRedisStopMs'
  | 'readyTimeoutMs';

/** Defaults of defaults.ts, under the same names. */
export type RedisSettings = Readonly<Record<RedisLimit, number>>;

export interface RedisPlaces {
  readonly home: string;
  readonly settings: RedisSettings;
  /** The usual address, tried after the local one. */
  readonly probeUrl: string;
}

export interface FoundRedis {
  readonly url: string;
  readonly source: 'local' | 'probe';
}

/**
 * The local Redis of the state folder, else the one at the usual address, if it answers. Reads only.
 * @throws UsageError when the usual address cannot be right
 */
export async function findRedis(places: RedisPlaces): Promise<FoundRedis | null> {
  const { probeUrl, settings } = places;
  const usual = parseNodeUrl(probeUrl, 'MEOW_REDIS_PROBE');
  const local = await findLocal(places);
  if (local) return local;
  const answers = await answersPing(usual.place, settings.localRedisAnswerMs);
  return answers ? { url: probeUrl, source: 'probe' } : null;
}

export function localUrl(port: number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

async function findLocal({ home, settings }: RedisPlaces): Promise<FoundRedis | null> {
  const password = readPassword(home);
  if (password === null) return null;
  const port = readRun(home)?.port ?? settings.localRedisPort;
  const answer = await askOurs(port, password, settings.localRedisAnswerMs);
  if (answer !== 'ours' && answer !== 'loading') return null;
  return { url: localUrl(port, password), source: 'local' };
}
