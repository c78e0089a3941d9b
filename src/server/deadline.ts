import { StoreError } from '../errors.ts';
import { afterAwake } from '../store/awake-timer.ts';

/** One limit for all the Redis work of one request. */
export interface Deadline {
  /** @throws StoreError `unavailable` when the time is up first; the work goes on unheard. */
  within<T>(work: Promise<T>): Promise<T>;
}

/** @param ms from now */
export function createDeadline(ms: number): Deadline {
  const end = performance.now() + ms;
  return {
    async within(work) {
      let cancel = () => {};
      const late = new Promise<never>((_, reject) => {
        cancel = afterAwake(Math.max(0, end - performance.now()), () => reject(tooLate()));
      });
      try {
        return await Promise.race([work, late]);
      } finally {
        cancel();
      }
    },
  };
}

function tooLate(): StoreError {
  return new StoreError('unavailable', 'Redis does not answer in time', 'Try again in a moment');
}
