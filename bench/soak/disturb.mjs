import { setTimeout as pause } from 'node:timers/promises';
import { CATS, kill, STREAMS } from './site.mjs';

const STOPPED_MS = 10_000;
const REST_MS = 1_500;
/** The last disturbance is over, and all is well again, before the traffic ends. */
const CALM_MS = 20_000;
const FEW = { [CATS]: 4, [STREAMS]: 2 };

/**
 * @typedef {object} Disturbance
 * @property {string} what
 * @property {string | null} fleet null: Redis, so both
 * @property {string | null} id of the server
 * @property {number} fromMs
 * @property {number} toMs
 */

/**
 * One disturbance after the other until `endMs`, each when the fleet is whole again.
 * @returns {Promise<Disturbance[]>}
 */
export async function disturb(site, { endMs, seed }) {
  const random = generator(seed);
  const did = [];
  /** @type {((site: any, fleet: string, server: any) => Promise<object | void>)[]} */
  const acts = [killed, stopped, destroyed, redisKilled, restarted];
  for (let at = 0; performance.now() < endMs - CALM_MS; at += 1) {
    const fleet = random() < 0.7 ? CATS : STREAMS;
    const servers = await whole(site, fleet);
    const server = servers[Math.floor(random() * servers.length)];
    const act = acts[at % acts.length];
    const fromMs = performance.now();
    const about = await act(site, fleet, server);
    did.push({ what: act.name, fleet, id: server.id, ...about, fromMs, toMs: performance.now() });
    await pause(REST_MS);
  }
  await pause(Math.max(0, endMs - performance.now()));
  return did;
}

/** The fleet once as many are up as there were; spawns what a destroy has taken. */
async function whole(site, fleet) {
  for (;;) {
    const rows = (await site.servers(fleet)) ?? [];
    const usable = rows.filter(({ state, doors }) => state === 'up' && doors[0] === 'usable');
    if (usable.length >= FEW[fleet]) return usable;
    await pause(200);
  }
}

async function killed(_site, _fleet, { pid }) {
  kill(pid, 'SIGKILL');
}

async function stopped(_site, _fleet, { pid }) {
  kill(pid, 'SIGSTOP');
  await pause(STOPPED_MS);
  kill(pid, 'SIGCONT');
}

async function destroyed(site, fleet, { id }) {
  const { code, stderr } = await site.meowctl(fleet, 'destroy', id);
  const again = await site.meowctl(fleet, 'scale', String(FEW[fleet]));
  return code === 0 && again.code === 0 ? {} : { trouble: `${code} ${stderr} ${again.stderr}` };
}

async function restarted(site, fleet, { id }) {
  const { code, stderr } = await site.meowctl(fleet, 'restart', id);
  return code === 0 ? {} : { trouble: `${code} ${stderr}` };
}

async function redisKilled(site) {
  await site.redis.kill();
  await pause(2_000);
  await site.redis.start();
  return { fleet: null, id: null };
}

// Mulberry32: small, and the same for the same seed.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
