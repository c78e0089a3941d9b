/**
 * Runs every contender once per round, in an order that turns round by round, so that a busy
 * moment of the machine or a warm cache is nobody's luck.
 * @template T
 * @param {number} rounds
 * @param {Readonly<Record<string, (round: number) => Promise<T>>>} contenders
 * @returns {Promise<Record<string, T[]>>} each contender's results, in the order of the rounds
 */
export async function interleave(rounds, contenders) {
  const names = Object.keys(contenders);
  /** @type {Record<string, T[]>} */
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of turned(names, round)) results[name].push(await contenders[name](round));
  }
  return results;
}

function turned(names, round) {
  const from = round % names.length;
  return [...names.slice(from), ...names.slice(0, from)];
}
