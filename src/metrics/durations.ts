/*
 * How long requests took, as counts in fixed steps: as Prometheus wants them, and enough to tell a
 * median from. Called for every request: allocates nothing.
 */

/** Upper ends of the steps, ms, each included; what took longer is in one step more. */
export const BOUNDS_MS: readonly number[] = Object.freeze([
  ...[1, 2.5, 5, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000, 30_000],
]);
export const STEPS = BOUNDS_MS.length + 1;

export function stepOf(durationMs: number): number {
  let step = 0;
  while (durationMs > boundOf(step)) step += 1;
  return step;
}

/**
 * What this share of the requests took at most, ms, spread evenly within each step, as Prometheus'
 * `histogram_quantile` does. @returns null without requests
 */
export function quantileMs(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let step = 0; step < STEPS; step += 1) total += counts[step] ?? 0;
  if (total === 0) return null;
  let left = total * share;
  for (let step = 0; step < BOUNDS_MS.length; step += 1) {
    const count = counts[step] ?? 0;
    const from = step === 0 ? 0 : boundOf(step - 1);
    if (count > 0 && left <= count) return from + ((boundOf(step) - from) * left) / count;
    left -= count;
  }
  return boundOf(BOUNDS_MS.length - 1);
}

function boundOf(step: number): number {
  return BOUNDS_MS[step] ?? Number.POSITIVE_INFINITY;
}
