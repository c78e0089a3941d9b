import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { firstDeaths } from '../lib/first-deaths.mjs';
import { createMeowctl } from '../lib/meowctl.mjs';
import { createPm2 } from '../lib/pm2.mjs';
import { cpuMicros, settledRss } from '../lib/proc.mjs';
import { freePort, run, startListening } from '../lib/programs.mjs';
import { interleave } from '../lib/rounds.mjs';
import { median, pairedRatio } from '../lib/stats.mjs';
import { startSteady } from '../lib/steady.mjs';
import { tenSpawns } from '../lib/ten-spawns.mjs';
import { until } from '../lib/until.mjs';

const program = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
const APP = 'hello';
const SERVERS = 4;
const PER_SECOND = 500;
const FEW = 2;
const MANY = 50;
const MIB = 2 ** 20;
const SECOND_US = 1_000_000;

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const rows = [];
  // One after the other, each gone before the next: idle servers of the one before beat as well.
  for (const part of [spawns, rolls, revivals, answeredDeaths, manyIdle]) {
    rows.push(...(await world.within(part)));
  }
  return rows;
}

async function spawns(world) {
  const fleet = createMeowctl(world, 'bench-spawn');
  const underPm2 = createMeowctl(world, 'bench-spawn-pm2');
  const pm2 = createPm2(world, underPm2.env);
  await fleet.run('spawn', '1');
  await pm2('start', underPm2.bin, '--name', 'cat', '--interpreter', world.node, '--', 'serve');
  const rows = await tenSpawns(world, fleet, underPm2, pm2, 'cat');
  await pm2('delete', 'cat');
  return rows;
}

/** Every one of four servers replaced under steady load, against pm2's cluster mode. */
async function rolls(world) {
  world.say(`rolling restart of ${SERVERS} under ${PER_SECOND} requests/s, against pm2 reload`);
  const fleet = createMeowctl(world, 'bench-roll');
  await fleet.run('spawn', `${SERVERS}`, '--app', program('hello-app.mjs'));
  const doorUrl = await openDoor(world, fleet);
  const pm2Url = await startCluster(world, createPm2(world, world.env));
  const pm2 = createPm2(world, world.env);
  const failed = { meowctl: [], two: [], pm2: [] };
  const under = (name, url, work) => async () => {
    const load = startSteady(url, PER_SECOND);
    const { ms } = await work();
    failed[name].push(...(await load.stop()).failed);
    return ms;
  };
  const ms = await interleave(world.quick ? 1 : 5, {
    meowctl: under('meowctl', doorUrl, () => fleet.run('restart', '-q')),
    // As pm2 does: PM2_CONCURRENT_ACTIONS is 2.
    two: under('two', doorUrl, () => fleet.run('restart', '-q', '--batch', '2')),
    pm2: under('pm2', pm2Url, () => pm2('reload', APP)),
  });
  await pm2('delete', APP);
  world.say(
    `pm2 reload failed ${failed.pm2.length} requests; ${String(failed.meowctl.slice(0, 3))}`,
  );
  return [
    {
      what: 'rolling restart of 4 under load: failed requests',
      value: failed.meowctl.length + failed.two.length,
      atMost: 0,
    },
    {
      what: 'rolling restart of 4, wall time / pm2 reload of 4',
      value: pairedRatio(ms.meowctl, ms.pm2),
      atMost: 1.5,
    },
    {
      what: 'rolling restart of 4 by twos / pm2 reload of 4, which goes by twos',
      value: pairedRatio(ms.two, ms.pm2),
      atMost: 1.5,
    },
    { what: 'rolling restart of 4, wall time', value: median(ms.meowctl) / 1_000, unit: ' s' },
  ];
}

async function openDoor(world, fleet) {
  const port = await freePort();
  const args = [fleet.bin, 'proxy', '--port', `${port}`, '--no-admin'];
  const door = await startListening(world.node, args, port, { env: fleet.env });
  world.atEnd(door.stop);
  const usable = async () => {
    const rows = await fleet.ask('listservers');
    return rows.length > 0 && rows.every(({ doors }) => doors[0] === 'usable');
  };
  await until('the door uses all', usable);
  fleet.doorPid = door.pid;
  return `http://127.0.0.1:${port}/`;
}

async function startCluster(world, pm2) {
  const port = await freePort();
  const file = program('hello-listening.mjs');
  const env = { ...world.env, PORT: `${port}` };
  const start = createPm2({ ...world, atEnd() {} }, env);
  await start('start', file, '--name', APP, '-i', `${SERVERS}`, '--wait-ready');
  await pm2('ping');
  return `http://127.0.0.1:${port}/`;
}

/** From kill -9 until another server answers, each time another one: one that dies often has to wait. */
async function revivals(world) {
  world.say('a killed server is back and serving');
  const fleet = createMeowctl(world, 'bench-revive');
  await fleet.run('spawn', `${SERVERS}`);
  await startKeeper(world, fleet);
  const times = [];
  for (const { id, pid } of await fleet.records()) {
    const begun = performance.now();
    process.kill(pid, 'SIGKILL');
    await until('another serves', () => isReplaced(fleet, id), 20_000);
    times.push(performance.now() - begun);
  }
  const starts = await interleave(5, {
    node: () => run(world.node, ['-e', '0'], { env: world.env }),
  });
  const nodeMs = median(starts.node.map(({ ms }) => ms));
  return [
    {
      what: 'a server killed just after its start is back, − node -e 0',
      value: (median(times) - nodeMs) / 1_000,
      atMost: 2.5,
      unit: ' s',
    },
  ];
}

async function answeredDeaths(world) {
  const fleet = createMeowctl(world, 'bench-deaths');
  await startKeeper(world, fleet);
  const [app, listening] = [program('hello-app.mjs'), program('hello-listening.mjs')];
  return firstDeaths(world, { fleet, app, listening });
}

async function isReplaced(fleet, id) {
  const up = (await fleet.records()).filter((record) => record.state === 'up');
  if (up.length !== SERVERS || up.some((record) => record.id === id)) return false;
  const newest = up.sort((a, b) => b.startedAt - a.startedAt)[0];
  const answer = await fetch(`${newest.url}/healthz`).catch(() => null);
  if (answer?.status !== 200) return false;
  const { id: answering } = /** @type {{ id: string }} */ (await answer.json());
  return answering === newest.id;
}

async function startKeeper(world, fleet) {
  const keeper = spawn(world.node, [fleet.bin, 'keep'], { env: fleet.env, stdio: 'ignore' });
  const gone = once(keeper, 'exit');
  world.atEnd(() => keeper.kill('SIGTERM') && gone);
  const held = async () => (await world.redis.keys(`{${fleet.namespace}}:keeper:*`)).length > 0;
  await until('the keeper', held);
  return keeper.pid;
}

/** What it costs to have fifty servers that do nothing. */
async function manyIdle(world) {
  world.say(`memory of keeper and door for ${FEW} idle servers`);
  const fleet = createMeowctl(world, 'bench-idle');
  await fleet.run('spawn', `${FEW}`);
  const keeperPid = await startKeeper(world, fleet);
  await openDoor(world, fleet);
  const memory = async () => (await settledRss(keeperPid)) + (await settledRss(fleet.doorPid));
  const few = await memory();
  world.say(`the same for ${MANY}, CPU of the keeper, and commands that Redis gets`);
  await fleet.run('scale', `${MANY}`, '-q');
  const many = await memory();
  const seconds = world.quick ? 5 : 30;
  const cpuUs = cpuMicros(keeperPid);
  const commands = await countCommands(world, seconds);
  const cpuShare = (cpuMicros(keeperPid) - cpuUs) / (seconds * SECOND_US);
  world.say(
    `keeper and door: ${(few / MIB).toFixed(0)} MiB for ${FEW}, ${(many / MIB).toFixed(0)} MiB for ${MANY}`,
  );
  return [
    { what: `memory of keeper and door, ${MANY} servers / ${FEW}`, value: many / few, atMost: 1.2 },
    {
      what: `keeper with ${MANY} idle servers, of a core`,
      value: 100 * cpuShare,
      atMost: 1,
      unit: ' %',
    },
    {
      what: `Redis commands from clients, ${MANY} idle servers and a door`,
      value: commands / seconds,
      atMost: 80,
      unit: '/s',
    },
  ];
}

/** As MONITOR shows them; what a script does inside is marked `lua` and not a client's. */
async function countCommands(world, seconds) {
  const socket = connect(Number(new URL(world.redisUrl).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('MONITOR\r\n');
  let count = 0;
  createInterface({ input: socket }).on('line', (line) => {
    if (line !== '+OK' && !/^\+[\d.]+ \[\d+ lua\]/.test(line)) count += 1;
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  socket.destroy();
  return count;
}
