/** @param {readonly number[]} values */
export function median(values) {
  if (values.length === 0) throw new Error('no values to take the median of');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1] + upper) / 2;
}

/**
 * Median of the ratios round by round: what disturbed a round disturbed both of its sides.
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function pairedRatio(ours, theirs) {
  if (ours.length !== theirs.length) throw new Error('the rounds are not paired');
  return median(ours.map((value, round) => value / theirs[round]));
}

/**
 * The median of the ratios round by round, and its 95 % interval by order statistics (David and
 * Nagaraja, Order Statistics, §7.1): whatever the distribution.
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function ratioWithInterval(ours, theirs) {
  const ratio = pairedRatio(ours, theirs);
  const sorted = ours.map((value, round) => value / theirs[round]).sort((a, b) => a - b);
  const outside = ranksOutside(sorted.length);
  return { ratio, from: sorted[outside], to: sorted[sorted.length - 1 - outside] };
}

/** How many at each end may be left out, so that the rest holds the median 95 times of 100. */
function ranksOutside(count) {
  let share = 2 ** -count;
  let tail = share;
  let outside = 0;
  while (2 * (tail + (share * (count - outside)) / (outside + 1)) <= 0.05) {
    share = (share * (count - outside)) / (outside + 1);
    tail += share;
    outside += 1;
  }
  return outside;
}
