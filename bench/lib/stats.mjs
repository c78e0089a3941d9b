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
