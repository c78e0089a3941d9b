import { type Background, repeat } from '../loop.ts';
import { type RedisStart, reviveLocalRedis } from './run.ts';

type SupervisorSettings = Readonly<Record<'localRedisLookMs' | 'maxRestartMs', number>>;

/** Starts the local Redis again when its process is gone: after 1 s; one that goes on dying, after 2, 4 … 30 s. */
export function superviseLocalRedis(
  redis: RedisStart,
  { localRedisLookMs, maxRestartMs }: SupervisorSettings,
  log: (line: string) => void,
): Background {
  let deaths = 0;
  return repeat({
    name: 'looking after it',
    every: (failed) => Math.min(localRedisLookMs * 2 ** (deaths + failed), maxRestartMs),
    async work() {
      const hadEnded = await reviveLocalRedis(redis);
      deaths = hadEnded ? deaths + 1 : 0;
      if (hadEnded) log('the local Redis had ended and was started again');
    },
    log,
  });
}
