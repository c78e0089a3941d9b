import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startBackends } from '../lib/backends.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { preciseCpuMicros } from '../lib/proc.mjs';
import { freePort } from '../lib/programs.mjs';
import { median } from '../lib/stats.mjs';
import { startSteady } from '../lib/steady.mjs';

const SERVERS = 50;
const VIEWERS = 3;
/** So that every server has figures that change. */
const REQUESTS_A_SECOND = 100;
/** The graphs of a page reach back a minute: before that an overview is shorter. */
const FILLED_MS = 65_000;
const ROUND_MS = 10_000;
const ROUNDS = 5;
const MICROS_PER_PERCENT = 10_000;
const AT_MOST = 1;

/**
 * What those who look cost the door: its CPU with three viewers, less that without, as percent of a core.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const namespace = 'bench-page';
  await startBackends(world, namespace, SERVERS);
  const port = await freePort();
  const door = await startMeowctlDoor(world, 'page', namespace, undefined, [
    ...['--admin-port', String(port)],
  ]);
  const load = startSteady(`${door.url}/1k`, REQUESTS_A_SECOND);
  world.say('a minute, until the graphs are full');
  await pause(world.quick ? 5_000 : FILLED_MS);
  const extra = [];
  const bytes = [];
  for (let round = 0; round < (world.quick ? 1 : ROUNDS); round += 1) {
    world.say(`round ${round + 1}: without, with, with, without`);
    const spent = [];
    for (const viewers of [0, VIEWERS, VIEWERS, 0]) {
      const look = await openViewers(world, port, viewers);
      spent.push(await cpuPercent(door.pid));
      bytes.push(...look.close());
    }
    world.say(`${spent.map((percent) => percent.toFixed(2)).join(', ')} % of a core`);
    extra.push((spent[1] + spent[2] - spent[0] - spent[3]) / 2);
  }
  const { sent, failed } = await load.stop();
  if (failed.length > 0) throw new Error(`${failed.length} of ${sent} requests failed`);
  const per = `${SERVERS} servers, ${VIEWERS} viewers`;
  return [
    {
      what: `the page, ${per}: CPU of the door`,
      value: median(extra),
      atMost: AT_MOST,
      unit: ' %',
    },
    {
      what: `the page, ${per}: bytes a second for each`,
      value: median(bytes) / 1_024,
      unit: ' KiB',
    },
  ];
}

async function cpuPercent(pid) {
  const [beforeUs, beganMs] = [preciseCpuMicros(pid), performance.now()];
  await pause(ROUND_MS);
  const seconds = (performance.now() - beganMs) / 1_000;
  return (preciseCpuMicros(pid) - beforeUs) / seconds / MICROS_PER_PERCENT;
}

/** Every other one with the token, reading all that comes. */
async function openViewers({ env }, port, count) {
  const token = readFileSync(join(env.MEOW_HOME, 'admin-token'), 'utf8');
  const viewers = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      openViewer(port, n % 2 === 0 ? { authorization: `Bearer ${token}` } : {}),
    ),
  );
  return { close: () => viewers.map((viewer) => viewer.close()) };
}

function openViewer(port, headers) {
  return new Promise((resolve, reject) => {
    const asked = { ...headers, accept: 'text/event-stream' };
    const options = { host: '127.0.0.1', port, path: '/events', agent: false, headers: asked };
    const request = get(options, (answer) => {
      let bytes = 0;
      const beganMs = performance.now();
      answer.on('error', () => {}); // by ourselves
      answer.on('data', (piece) => {
        bytes += piece.length;
      });
      const close = () => {
        answer.destroy();
        return (bytes * 1_000) / (performance.now() - beganMs);
      };
      if (answer.statusCode === 200) resolve({ close });
      else reject(new Error(`the event stream is answered with ${answer.statusCode}`));
    });
    request.on('error', reject);
  });
}
