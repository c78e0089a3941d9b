import { get } from 'node:http';
import { until } from '../lib/until.mjs';
import { SERVERS } from './backends.mjs';
import { startCaddy } from './caddy.mjs';
import { startHaproxy } from './haproxy.mjs';
import { startMeowctl } from './meowctl.mjs';
import { startNginx } from './nginx.mjs';
import { startPm2 } from './pm2.mjs';

/**
 * @typedef {object} Contender three servers that run behind one url
 * @property {string} url
 * @property {() => Promise<unknown>} roll replaces all three
 * @property {() => Promise<unknown>} retire takes one out
 * @property {() => Promise<unknown>} grow makes them three again
 * @property {() => Promise<unknown>} reload loads the config again; of meowctl, empties the registry and restarts it
 *
 * @typedef {(world: import('../lib/world.mjs').World, notes: string) => Promise<Contender | null>} Start `notes`: the folder for the backends' notes; null where it is not installed
 */

/** @type {Readonly<Record<string, Start>>} */
export const contenders = {
  meowctl: startMeowctl,
  pm2: startPm2,
  nginx: startNginx,
  HAProxy: startHaproxy,
  Caddy: startCaddy,
};

const ROUND = 12;
const SETTLE_MS = 30_000;

/**
 * Until `url` is answered by three processes.
 * @returns {Promise<number[]>} their pids
 */
export async function threeServe(url) {
  const pids = await until('three servers answer', () => whoServes(url), SETTLE_MS, 100);
  return pids ?? [];
}

async function whoServes(url) {
  /** @type {Set<any>} null: no answer */
  const pids = new Set();
  for (let turn = 0; turn < ROUND; turn += 1) pids.add(await whoAnswers(url));
  return pids.size === SERVERS && !pids.has(null) ? [...pids] : null;
}

/** Over a connection of its own: pm2 gives a whole connection to one process. */
function whoAnswers(url) {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false, timeout: SETTLE_MS }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200 ? Number(answer.headers['x-backend']) : null);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(null));
  });
}
