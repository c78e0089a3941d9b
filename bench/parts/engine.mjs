import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBackends } from '../lib/backends.mjs';
import { findPeer } from '../lib/debian.mjs';
import { startHaproxy, startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient } from '../lib/load.mjs';
import { children, preciseCpuMicros } from '../lib/proc.mjs';
import { freePort, startListening, startTelling } from '../lib/programs.mjs';
import { serverId, writeServers } from '../lib/registry.mjs';
import { median, ratioWithInterval } from '../lib/stats.mjs';
import { startSteady } from '../lib/steady.mjs';
import { until } from '../lib/until.mjs';

const NAMESPACE = 'bench-engine';
const LOAD = { path: '/1k', connections: 32, seconds: 1 };
const ROUNDS = 20;
const CHANGES_A_MINUTE = 500;
const CHURN_SECONDS = 30;
const MOST_MS = 250;
const REQUESTS_A_SECOND = 200;
const DEATHS = 5;
const BACK_MS = 1_000;
const LOOK_MS = 5;
/** By then it has written down what it has. */
const STEADY_MS = 1_500;
const LATE_MS = 30_000;
/** Servers that come and go, and the first of their ids: far from those that stay. */
const GUESTS = 10;
const FIRST = 1_000;
const program = fileURLToPath(new URL('../programs/backend.mjs', import.meta.url));

/**
 * A door on HAProxy against the same configuration with servers that were there at its start and nobody
 * who looks after it, and, for information, against the shortest configuration that balances at all.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const peer = await findPeer(world, 'haproxy');
  if (peer === null) {
    world.say('HAProxy is not here and cannot be had: nothing is measured');
    return [];
  }
  const client = await createLoadClient(world);
  const backends = await startBackends(world, NAMESPACE, 2);
  const rows = [];
  for (const threads of [1, 2])
    rows.push(...(await compare(world, client, backends, peer, threads)));
  return [...rows, ...(await churn(world)), ...(await death(world))];
}

async function startEngine(world, threads) {
  const flags = ['--no-admin', '--engine', 'haproxy', '--threads', String(threads)];
  const door = await startMeowctlDoor(world, 'engine', NAMESPACE, undefined, flags);
  const folder = join(world.env.MEOW_HOME, 'engine', new URL(door.url).port);
  const servers = join(folder, 'servers.cfg');
  const isUsed = () => readFileSync(servers, 'utf8').split('\n    server ').length === 3;
  await until('both servers are used', () => existsSync(servers) && isUsed());
  const master = () => JSON.parse(readFileSync(join(folder, 'haproxy.json'), 'utf8')).pid;
  await until('HAProxy runs', () => existsSync(join(folder, 'haproxy.json')));
  const pid = master();
  await until('it has a worker', () => children(pid).length > 0);
  return { ...door, folder, master, pid: children(pid)[0] };
}

/** The same two files, with another port and sockets, in one process that nobody talks to. */
async function startByHand(world, engine, peer) {
  const port = await freePort();
  const folder = join(world.folder, `by-hand-${port}`);
  mkdirSync(folder);
  const before = new URL(engine.url).port;
  const files = ['door.cfg', 'servers.cfg'].map((name) => {
    const text = readFileSync(join(engine.folder, name), 'utf8');
    const own = text
      .replace(/^ *(master-worker|stats .*)$/gm, '')
      .replace(`127.0.0.1:${before}`, `127.0.0.1:${port}`);
    writeFileSync(join(folder, name), own);
    return join(folder, name);
  });
  writeFileSync(join(folder, 'pages.map'), '');
  const args = ['-db', '-q', '-f', files[0], '-f', files[1]];
  // As any service, and as ours: each session gets its own share of a core, so that it wakes up more often.
  // On a busy machine that alone was 1.35 times the CPU time of a request.
  const how = { env: peer.env, cwd: folder, detached: true };
  const door = await startListening(peer.command, args, port, how);
  world.atEnd(door.stop);
  return { pid: door.pid, url: `http://127.0.0.1:${port}` };
}

async function compare(world, client, backends, peer, threads) {
  const engine = await startEngine(world, threads);
  const byHand = await startByHand(world, engine, peer);
  const shortest = await startHaproxy(world, backends, threads, true);
  const doors = { engine, byHand, shortest };
  const count = world.quick ? 4 : ROUNDS;
  world.say(`${threads} thread(s), ${count} rounds`);
  const figures = { engine: [], byHand: [], shortest: [] };
  for (let round = 0; round <= count; round += 1) {
    const order = Object.keys(doors);
    if (round % 2 === 1) order.reverse();
    for (const name of order) {
      const found = await spend(client, doors[name]);
      if (round > 0) figures[name].push(found);
    }
  }
  await engine.stop?.();
  return judge(figures, `${threads} thread${threads > 1 ? 's' : ''}: `);
}

async function spend(client, { pid, url }) {
  const before = preciseCpuMicros(pid);
  const { requests, seconds, failed } = await client({ ...LOAD, url: url + LOAD.path });
  if (failed > 0) throw new Error(`${failed} requests to ${url} failed`);
  return { cpu: (preciseCpuMicros(pid) - before) / requests, slowness: seconds / requests };
}

function judge({ engine, byHand, shortest }, prefix) {
  const row = (what, field, others, atMost) => {
    const ours = engine.map((one) => one[field]);
    const { ratio, from, to } = ratioWithInterval(
      ours,
      others.map((one) => one[field]),
    );
    return { what: prefix + what, value: ratio, interval: [from, to], atMost };
  };
  return [
    row('CPU per request / the same by hand', 'cpu', byHand, 1.05),
    row('time per request / the same by hand', 'slowness', byHand, 1 / 0.95),
    row('CPU per request / the shortest configuration', 'cpu', shortest, null),
  ];
}

/** HAProxy is killed, and is back. */
async function death(world) {
  const engine = await startEngine(world, 2);
  const delays = [];
  for (let turn = 0; turn < (world.quick ? 2 : DEATHS); turn += 1) {
    await until('it serves', () => answers(`${engine.url}/1k`));
    await pause(STEADY_MS);
    const master = engine.master();
    process.kill(master, 'SIGKILL');
    const since = performance.now();
    while (engine.master() === master || !(await answers(`${engine.url}/1k`))) await pause(LOOK_MS);
    delays.push(performance.now() - since);
  }
  await engine.stop?.();
  const what = 'from the death of HAProxy to the next answer';
  return [{ what, value: median(delays), unit: ' ms', atMost: BACK_MS }];
}

/** Over a connection of its own: a kept one would be that of the HAProxy that died. */
function answers(url) {
  return new Promise((resolve) => {
    const asked = get(url, { agent: false }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode === 200));
      answer.once('error', () => resolve(false));
    });
    asked.once('error', () => resolve(false));
  });
}

/** Servers come and go under load; how soon the first request comes, and how late the last. */
async function churn(world) {
  const engine = await startEngine(world, 2);
  const ids = Array.from({ length: GUESTS }, (_, n) => serverId(FIRST + n));
  const guests = await startTelling(process.execPath, [program, ...ids], { env: world.env });
  world.atEnd(guests.stop);
  const load = startSteady(`${engine.url}/1k`, REQUESTS_A_SECOND);
  const seconds = world.quick ? 5 : CHURN_SECONDS;
  const turns = Math.round((seconds * CHANGES_A_MINUTE) / 120);
  world.say(`${2 * turns} changes in ${seconds} s`);
  const delays = { in: [], out: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    const begun = performance.now();
    const id = ids[turn % GUESTS];
    await comeAndGo(world, engine, { id, port: guests.said[id], pid: guests.pid }, delays);
    const left = 120_000 / CHANGES_A_MINUTE - (performance.now() - begun);
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }
  const { sent, failed } = await load.stop();
  if (failed[0]) world.say(`failed: ${failed[0]}`);
  const most = { unit: ' ms', atMost: MOST_MS };
  return [
    { what: `failed of ${sent} while servers come and go`, value: failed.length, atMost: 0 },
    { what: 'from its record to its first request', value: median(delays.in), ...most },
    { what: 'from draining to no new request', value: median(delays.out), ...most },
  ];
}

/** As a server does: it registers, says that it drains, waits for the door, and deregisters. */
async function comeAndGo({ redis }, { url }, server, delays) {
  const told = (state) => writeServers(redis, NAMESPACE, [{ ...server, state }], true);
  const since = performance.now();
  await told('up');
  await soon(async () => (await fetch(`${url}/1k`)).headers.get('x-backend') === server.id);
  delays.in.push(performance.now() - since);
  const leaving = performance.now();
  await told('draining');
  const acks = `{${NAMESPACE}}:acks:${server.id}`;
  await soon(async () => (await redis.exists(acks)) === 1);
  delays.out.push(performance.now() - leaving);
  await redis
    .multi()
    .hdel(`{${NAMESPACE}}:servers`, server.id)
    .zrem(`{${NAMESPACE}}:leases`, server.id)
    .del(acks)
    .publish(`{${NAMESPACE}}:changes`, server.id)
    .exec();
}

/** Looks without a pause: what is measured takes milliseconds. */
async function soon(look) {
  const end = performance.now() + LATE_MS;
  while (!(await look())) if (performance.now() > end) throw new Error('a server was not taken in');
}
