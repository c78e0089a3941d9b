import type { Upstream } from './upstream.ts';

export type Balance = 'round-robin' | 'least-inflight';

/** Chooses the server for one request. Called for every request: allocates nothing. */
export interface Balancer {
  /** A server that was not tried yet and is below its cap, or null. */
  next(upstreams: readonly Upstream[], tried: readonly Upstream[]): Upstream | null;
}

export function createBalancer(balance: Balance, maxInflight: number): Balancer {
  return balance === 'least-inflight' ? leastInflight(maxInflight) : roundRobin(maxInflight);
}

/** Whether it has as many requests as it may, those of other workers of the door counted in. */
export function isFull({ inflight, reserved }: Upstream, maxInflight: number): boolean {
  return inflight + reserved >= maxInflight;
}

/** Strict: with the same upstreams, counts over any window differ by at most one. */
function roundRobin(maxInflight: number): Balancer {
  let cursor = 0;
  return {
    next(upstreams, tried) {
      for (let step = 0; step < upstreams.length; step += 1) {
        const at = (cursor + step) % upstreams.length;
        const upstream = upstreams[at];
        if (!upstream || isFull(upstream, maxInflight) || tried.includes(upstream)) continue;
        cursor = at + 1;
        return upstream;
      }
      return null;
    },
  };
}

/** The server with the fewest requests; those that have as many take turns. */
function leastInflight(maxInflight: number): Balancer {
  let cursor = 0;
  return {
    next(upstreams, tried) {
      let best: Upstream | null = null;
      let bestAt = 0;
      for (let step = 0; step < upstreams.length; step += 1) {
        const at = (cursor + step) % upstreams.length;
        const upstream = upstreams[at];
        if (!upstream || isFull(upstream, maxInflight) || tried.includes(upstream)) continue;
        if (best && upstream.inflight >= best.inflight) continue;
        best = upstream;
        bestAt = at;
      }
      if (best) cursor = bestAt + 1;
      return best;
    },
  };
}
