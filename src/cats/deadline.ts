import { defaults } from '../config.ts';
import { StoreError } from '../errors.ts';
import { withinAwake } from '../store/connection/awake-timer.ts';

/**
 * Waits for all the Redis work of one request, for 1 s.
 * @throws StoreError `unavailable` when the time is up first; the work goes on unheard
 */
export function inRequestTime<T>(work: Promise<T>): Promise<T> {
  return withinAwake(work, defaults.redisRequestMs, tooLate);
}

function tooLate(): StoreError {
  return new StoreError('unavailable', 'Redis does not answer in time', 'Try again in a moment');
}
