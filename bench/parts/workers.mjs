import { setTimeout as pause } from 'node:timers/promises';
import { startBackends } from '../lib/backends.mjs';
import { createQuota } from '../lib/cpu-quota.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient } from '../lib/load.mjs';
import { children, preciseCpuMicros } from '../lib/proc.mjs';
import { freePort } from '../lib/programs.mjs';
import { median, ratioWithInterval } from '../lib/stats.mjs';
import { until } from '../lib/until.mjs';

const ROUNDS = 20;
const HELD_ROUNDS = 5;
const AT_MOST = 1.1;
const CONNECTIONS = 256;
const LARGEST_SHARE = 0.6;
const NEW_ROUNDS = 8;
const KILLS = 5;
/** The older one dies each time, and has then lived for 10 s: it is replaced at once, as one that did well. */
const BETWEEN_KILLS_MS = 5_500;
const REPLACED_MS = 1_000;
const QUOTA = 0.2;
const FASTER = 1.8;
const COUNTED_MS = 1_500;

const load = { path: '/1k', connections: 32, seconds: 1 };
/** Requests of each process until what it compiles is compiled. */
const WARM_UP = 15_000;
const WARM_UP_STEP_SECONDS = 5;
const once = { path: '/1k', connections: 32, seconds: 1, once: true };
const held = { path: '/1k', connections: 32, seconds: 3 };

/**
 * A door of two workers against one of one process: what a request costs all of its processes, how
 * connections are shared out, how many new ones it takes, how long a killed worker is missing, and what
 * two get done where each is held to a share of a core.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const client = await createLoadClient(world);
  await startBackends(world, 'bench-workers', 2);
  // Before the doors: what is made first goes last, and a cgroup goes when it is empty.
  const holds = ['one', 'two-1', 'two-2'].map((name) => createQuota(world, name, QUOTA));
  const doors = { one: await open(world, 'one'), two: await open(world, 'two', '--workers', '2') };
  const other = await open(world, 'other');
  const rows = [
    await compare(world, client, doors.two, [doors.one], 'one process'),
    await compare(world, client, doors.two, [doors.one, other], 'two doors that share nothing'),
    await shareOut(world, client, doors.two),
    await connectAnew(world, client, doors),
    ...(await holdDown(world, client, doors, holds)),
  ];
  return [...rows, await kill(world, doors.two)];
}

/** With its admin listener, and the processes that do the work. */
async function open(world, name, ...flags) {
  const admin = await freePort();
  const all = ['--admin-port', String(admin), ...flags];
  const door = await startMeowctlDoor(world, name, 'bench-workers', undefined, all);
  const wanted = flags.length > 0 ? 2 : 0;
  await until(`${name} answers`, async () => {
    const answer = await fetch(`${door.url}/1k`).catch(() => null);
    await answer?.text();
    return answer?.status === 200 && children(door.pid).length === wanted;
  });
  const workers = children(door.pid);
  return { ...door, admin, workers, pids: [door.pid, ...workers] };
}

/** @param others take as many connections together as the door of two workers does */
async function compare(world, client, two, others, called) {
  const count = world.quick ? 4 : ROUNDS;
  const { path, connections, ...asked } = load;
  world.say(`CPU per request against ${called}, ${count} rounds A B B A`);
  const spend = async (doors) => {
    const pids = doors.flatMap(({ pids }) => pids);
    const spent = () => pids.reduce((sum, pid) => sum + preciseCpuMicros(pid), 0);
    const before = spent();
    const each = { ...asked, connections: connections / doors.length };
    const results = await Promise.all(doors.map(({ url }) => client({ url: url + path, ...each })));
    const failed = results.reduce((sum, result) => sum + result.failed, 0);
    if (failed > 0) throw new Error(`${failed} requests failed`);
    return (spent() - before) / results.reduce((sum, { requests }) => sum + requests, 0);
  };
  for (const door of [two, ...others]) await warmUp(client, door, path);
  const ours = [];
  const theirs = [];
  for (let round = 0; round < count; round += 1) {
    const [a, b] = round % 2 === 0 ? [[two], others] : [others, [two]];
    const micros = [await spend(a), await spend(b), await spend(b), await spend(a)];
    const [outer, inner] = [micros[0] + micros[3], micros[1] + micros[2]];
    ours.push(a === others ? inner : outer);
    theirs.push(a === others ? outer : inner);
  }
  const { ratio, from, to } = ratioWithInterval(ours, theirs);
  const what = `door of 2 workers / ${called}, CPU per request`;
  return { what, value: ratio, interval: [from, to], atMost: AT_MOST };
}

async function warmUp(client, { url, workers }, path) {
  const wanted = WARM_UP * Math.max(1, workers.length);
  for (let done = 0; done < wanted; ) {
    const asked = { url: url + path, connections: 32, seconds: WARM_UP_STEP_SECONDS };
    done += (await client(asked)).requests;
  }
}

async function shareOut(world, client, { url, admin }) {
  world.say(`${CONNECTIONS} connections`);
  const going = client({ url: `${url}/1k`, connections: CONNECTIONS, seconds: 3 });
  await pause(COUNTED_MS);
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  await going;
  const lines = text.matchAll(/^meowctl_door_worker_client_connections\{.*\} (\d+)$/gm);
  const counts = [...lines].map(([, count]) => Number(count));
  const value = Math.max(...counts) / counts.reduce((sum, count) => sum + count, 0);
  const what = `largest share of ${CONNECTIONS} connections at one of 2 workers`;
  return { what, value, atMost: LARGEST_SHARE };
}

async function connectAnew(world, client, { one, two }) {
  const count = world.quick ? 2 : NEW_ROUNDS;
  world.say(`a connection for each request, ${count} rounds A B B A`);
  const { path, ...asked } = once;
  const rate = async (door) => {
    const { requests, seconds, failed } = await client({ url: door.url + path, ...asked });
    if (failed > 0) throw new Error(`${failed} new connections to ${door.name} failed`);
    return requests / seconds;
  };
  const ratios = [];
  /** @type {Record<'one' | 'two', number[]>} */
  const rates = { one: [], two: [] };
  for (let round = 0; round < count; round += 1) {
    const [a, b, c, d] = [await rate(one), await rate(two), await rate(two), await rate(one)];
    ratios.push((a + d) / (b + c));
    rates.one.push(a, d);
    rates.two.push(b, c);
  }
  world.say(
    `new connections/s: ${Math.round(median(rates.one))} and ${Math.round(median(rates.two))}`,
  );
  const what = 'new connections/s of one process / of 2 workers';
  return { what, value: median(ratios), atMost: 1 };
}

/** From the moment at which one is killed to that at which another accepts in its place. */
async function kill(world, { pid, admin }) {
  const count = world.quick ? 2 : KILLS;
  world.say(`${count} workers killed`);
  const times = [];
  for (let at = 0; at < count; at += 1) {
    const [victim] = children(pid);
    await pause(BETWEEN_KILLS_MS);
    const beganMs = performance.now();
    process.kill(victim, 'SIGKILL');
    await until('another serves', async () => {
      const pids = children(pid);
      if (pids.length !== 2 || pids.includes(victim)) return false;
      const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      return text.includes('meowctl_door_workers{state="serving"} 2');
    });
    times.push(performance.now() - beganMs);
  }
  return {
    what: 'a killed worker is replaced',
    unit: ' ms',
    value: median(times),
    atMost: REPLACED_MS,
  };
}

async function holdDown(world, client, { one, two }, holds) {
  if (holds.includes(null)) return [];
  for (const [at, pid] of [one.pid, ...two.workers].entries()) holds[at](pid);
  const count = world.quick ? 2 : HELD_ROUNDS;
  world.say(`each process held to ${QUOTA * 100} % of a core, ${count} rounds A B B A`);
  const { path, ...asked } = held;
  const rate = async (door) => {
    const { requests, seconds } = await client({ url: door.url + path, ...asked });
    return requests / seconds;
  };
  const ratios = [];
  for (let round = 0; round < count; round += 1) {
    const [a, b, c, d] = [await rate(one), await rate(two), await rate(two), await rate(one)];
    ratios.push((a + d) / (b + c));
  }
  const what = `requests/s of one process / of 2 workers, each held to ${QUOTA * 100} % of a core`;
  return [{ what, value: median(ratios), atMost: 1 / FASTER }];
}
