import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cpuMicros } from './proc.mjs';
import { onPath, run } from './programs.mjs';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

/**
 * @typedef {object} Load
 * @property {string} url
 * @property {number} connections
 * @property {number} seconds
 * @property {number} [bodyBytes] a POST of that size instead of a GET
 * @property {boolean} [once] each request over a connection of its own
 *
 * @typedef {object} LoadResult
 * @property {number} requests
 * @property {number} seconds
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} failed
 *
 * @typedef {(load: Load) => Promise<LoadResult>} LoadClient
 */

/**
 * wrk, or autocannon where wrk is missing.
 * @returns {Promise<LoadClient>}
 */
export async function createLoadClient(world) {
  const wrk = await onPath('wrk');
  if (wrk === null) world.say('wrk is not installed: using autocannon, which takes more CPU');
  return wrk === null ? (load) => autocannon(world, load) : (load) => runWrk(wrk, load);
}

async function runWrk(wrk, { url, connections, seconds, bodyBytes = 0, once = false }) {
  const close = once ? ['-H', 'Connection: close'] : [];
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    ...close,
    '-s',
    script,
    url,
  ];
  const { stdout } = await run(wrk, [...args, '--', String(bodyBytes)]);
  return JSON.parse(/^RESULT (.*)$/m.exec(stdout)?.[1] ?? 'null');
}

async function autocannon(world, { url, connections, seconds, bodyBytes = 0, once = false }) {
  const bin = createRequire(import.meta.url).resolve('autocannon');
  const post = bodyBytes > 0 ? ['-m', 'POST', '-b', 'x'.repeat(bodyBytes)] : [];
  const args = [
    bin,
    '--json',
    '-n',
    '-c',
    String(connections),
    '-d',
    String(seconds),
    ...post,
    ...(once ? ['-H', 'Connection=close'] : []),
    url,
  ];
  const result = JSON.parse((await run(world.node, args)).stdout);
  return {
    requests: result.requests.total,
    seconds: result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    failed: result.errors + result.timeouts + result.non2xx,
  };
}

/**
 * One round of load, with what each request cost the process `pid` in CPU.
 * @param {LoadClient} client
 * @param {number} pid
 * @param {Load} load
 */
export async function measureLoad(client, pid, load) {
  const before = cpuMicros(pid);
  const result = await client(load);
  if (result.failed > 0) throw new Error(`${result.failed} requests to ${load.url} failed`);
  return {
    ...result,
    perSecond: result.requests / result.seconds,
    cpuMicros: (cpuMicros(pid) - before) / result.requests,
  };
}
