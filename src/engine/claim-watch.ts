import { repeat } from '../loop.ts';
import type { EngineOptions } from './config/engine-options.ts';
import type { Controller } from './controller.ts';
import type { Claim } from './controller-claim.ts';

/** Lets HAProxy go where another process claims it, and takes it back where that one dies or gives up. */
export function watchClaim(
  claimed: Claim,
  controller: Pick<Controller, 'adopt' | 'handOver' | 'open'>,
  { engineWatchMs }: Pick<EngineOptions, 'engineWatchMs'>,
  log: (line: string) => void,
) {
  let tell: () => void = () => {};
  const replaced = new Promise<void>((resolve) => {
    tell = resolve;
  });
  let isAway = false;
  const look = async () => {
    const isOurs = claimed.stands();
    if (isOurs !== isAway) return;
    isAway = !isOurs;
    if (isOurs) {
      await controller.adopt();
      await controller.open();
      return;
    }
    await controller.handOver();
    claimed.letGo();
    tell();
  };
  const looks = repeat({
    name: 'who looks after HAProxy',
    every: () => engineWatchMs,
    work: look,
    log,
    unref: true,
  });
  return { replaced, isAway: () => isAway, stop: () => looks.stop() };
}
