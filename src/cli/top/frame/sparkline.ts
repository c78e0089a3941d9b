/** Less than this is not drawn as if it were much. */
const LEAST_TOP = 1;

/**
 * The newest of these values as bars, the newest at the right, on a scale of its own.
 * @param bars the heights, lowest first
 */
export function sparkline(
  values: readonly (number | null)[],
  columns: number,
  bars: string,
): string {
  const shown = values.slice(-columns);
  const heights = [...bars];
  const top = Math.max(LEAST_TOP, ...shown.map((value) => value ?? 0));
  const drawn = shown.map((value) => (value === null ? ' ' : barOf(value / top, heights)));
  return drawn.join('').padStart(columns);
}

/** Each of so many values in a row, from the newest on: the oldest few may be fewer. */
export function averages(values: readonly number[], size: number): number[] {
  const found: number[] = [];
  for (let end = values.length; end > 0; end -= size) {
    const some = values.slice(Math.max(0, end - size), end);
    found.unshift(some.reduce((sum, value) => sum + value, 0) / some.length);
  }
  return found;
}

// The lowest bar is for nothing at all: whatever is more can be told from it.
function barOf(share: number, heights: readonly string[]): string {
  const steps = heights.length - 1;
  const at = share <= 0 ? 0 : Math.max(1, Math.round(share * steps));
  return heights[Math.min(steps, at)] ?? ' ';
}
