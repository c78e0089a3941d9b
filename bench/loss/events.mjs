import { setTimeout as pause } from 'node:timers/promises';
import { mixed, posts, startLoad } from './load.mjs';

const PER_SECOND = 300;
const BEFORE_MS = 1_000;
const AFTER_MS = 1_500;

/**
 * @typedef {object} Event
 * @property {string} what
 * @property {readonly import('./load.mjs').Kind[]} kinds
 * @property {(contender: import('./contenders.mjs').Contender, pids: readonly number[]) => unknown} happen
 */

/** @type {readonly Event[]} */
export const events = [
  { what: 'kill -9 of one of three', kinds: mixed, happen: kill },
  { what: 'rolling restart of all', kinds: mixed, happen: (contender) => contender.roll() },
  { what: 'one retired', kinds: mixed, happen: (contender) => contender.retire() },
  { what: 'registry or config reloaded', kinds: mixed, happen: (contender) => contender.reload() },
  { what: 'kill -9 of one of three, POST alone', kinds: posts, happen: kill },
];

function kill(_contender, pids) {
  process.kill(pids[0], 'SIGKILL');
}

/**
 * @param {Event} event
 * @param {import('./contenders.mjs').Contender} contender
 * @param {{ pids: readonly number[], prefix: string }} how `pids`: the three that serve
 */
export async function putThrough({ kinds, happen }, contender, { pids, prefix }) {
  const load = startLoad(contender.url, { kinds, perSecond: PER_SECOND, prefix });
  await pause(BEFORE_MS);
  const begun = performance.now();
  await happen(contender, pids);
  const tookMs = performance.now() - begun;
  await pause(AFTER_MS);
  return { ...(await load.stop()), tookMs };
}
