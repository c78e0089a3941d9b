import { checkAnswers } from '../lib/answers.mjs';
import { startBackends } from '../lib/backends.mjs';
import {
  nodeDoors,
  startHaproxy,
  startMeowctlDoor,
  startNginx,
  startNodeDoor,
} from '../lib/doors.mjs';
import { createLoadClient, measureLoad } from '../lib/load.mjs';
import { rssBytes } from '../lib/proc.mjs';
import { run } from '../lib/programs.mjs';
import { interleave } from '../lib/rounds.mjs';
import { median, pairedRatio } from '../lib/stats.mjs';
import { textTable } from '../lib/table.mjs';

const OURS = 'meowctl';
const OURS_LARGE = 'meowctl, 200 servers';
const LARGE_ROSTER = 200;
// What so many connections cost any door: without it one cannot tell that from our own part.
const FLOOR = 'bare undici';
const FLOOR_LARGE = 'bare undici, 200 servers';
const POST_BYTES = 64 * 1_024;
const MIB = 2 ** 20;

const mainLoad = { what: '1 KiB GET, 32 connections', path: '/1k', connections: 32, seconds: 2 };
const otherLoads = [
  { what: '1 KiB GET, 256 connections', path: '/1k', connections: 256, seconds: 1 },
  { what: '100 KiB GET, 32 connections', path: '/100k', connections: 32, seconds: 1 },
  { what: '100 KiB GET, 256 connections', path: '/100k', connections: 256, seconds: 1 },
  {
    what: '64 KiB POST, 32 connections',
    path: '/post',
    bodyBytes: POST_BYTES,
    connections: 32,
    seconds: 1,
  },
  {
    what: '64 KiB POST, 256 connections',
    path: '/post',
    bodyBytes: POST_BYTES,
    connections: 256,
    seconds: 1,
  },
];

/** What a figure may be at most depends on the Node. */
const limitsOf = (major) =>
  major >= 24 ? { keepAlive: 0.4, nginx: 2 } : { keepAlive: 0.5, nginx: 3 };

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const version = (await run(world.node, ['-v'])).stdout.trim();
  const client = await createLoadClient(world);
  const doors = await startDoors(world);
  for (const door of doors) await checkAnswers(door);
  world.say(`${version}, ${doors.length} contenders, answers checked`);
  const figures = await measureDoors(world, client, doors, mainLoad, world.quick ? 3 : 7);
  const rows = [];
  for (const load of otherLoads) {
    const others = await measureDoors(world, client, doors, load, world.quick ? 1 : 3);
    rows.push(...judgePeers(others, `${version}, ${load.what}: `));
  }
  const major = Number(version.slice(1).split('.')[0]);
  return [...judge(figures, limitsOf(major), `${version}: `), ...rows];
}

async function startDoors(world) {
  const two = await startBackends(world, 'bench-door', 2);
  const many = await startBackends(world, 'bench-door-large', LARGE_ROSTER);
  const doors = [
    await startMeowctlDoor(world, OURS, 'bench-door'),
    await startMeowctlDoor(world, OURS_LARGE, 'bench-door-large'),
    await startNginx(world, two),
    await startHaproxy(world, two),
  ];
  for (const name of Object.keys(nodeDoors)) doors.push(await startNodeDoor(world, name, two));
  doors.push({ ...(await startNodeDoor(world, FLOOR, many)), name: FLOOR_LARGE });
  return doors.filter((door) => door !== null);
}

/**
 * Figures of every round by contender; their medians go to stderr as a table.
 * @param {Omit<import('../lib/load.mjs').Load, 'url'> & { what: string, path: string }} asked
 */
async function measureDoors(world, client, doors, asked, rounds) {
  const { what, path, ...load } = asked;
  world.say(`${what}, ${rounds} rounds`);
  const round = (door) => () => measureLoad(client, door.pid, { url: door.url + path, ...load });
  const contenders = Object.fromEntries(doors.map((door) => [door.name, round(door)]));
  await interleave(1, contenders); // for the compiler
  const figures = await interleave(rounds, contenders);
  const memory = Object.fromEntries(doors.map(({ name, pid }) => [name, rssBytes(pid)]));
  process.stderr.write(`\n${figureTable(what, figures, memory)}\n\n`);
  return figures;
}

function figureTable(what, figures, memory) {
  const middle = (rounds, field) => median(rounds.map((round) => round[field]));
  const lines = Object.entries(figures).map(([name, rounds]) => [
    name,
    middle(rounds, 'cpuMicros').toFixed(1),
    middle(rounds, 'p50Ms').toFixed(2),
    middle(rounds, 'p99Ms').toFixed(2),
    middle(rounds, 'perSecond').toFixed(0),
    (memory[name] / MIB).toFixed(0),
  ]);
  return textTable([what, 'CPU µs', 'p50 ms', 'p99 ms', 'req/s', 'RSS MiB'], lines);
}

function judge(figures, limits, prefix) {
  const row = rowsOf(figures, prefix);
  return [
    ...Object.keys(nodeDoors).flatMap((name) =>
      row(`CPU per request / ${name}`, 'cpuMicros', name, cpuLimit(name, limits)),
    ),
    ...row('CPU per request / nginx', 'cpuMicros', 'nginx', limits.nginx),
    ...row('CPU per request / haproxy', 'cpuMicros', 'haproxy', null),
    ...row('p99 / http-proxy', 'p99Ms', 'http-proxy', 0.6),
    ...row('p99 / http-proxy keep-alive', 'p99Ms', 'http-proxy keep-alive', null),
    ...row('CPU per request, 200 servers / 2', 'cpuMicros', OURS, 1.05, OURS_LARGE),
    ...row('the same of bare undici', 'cpuMicros', FLOOR, null, FLOOR_LARGE),
    ...row(
      'CPU per request / bare undici, each with 200 servers',
      'cpuMicros',
      FLOOR_LARGE,
      1.15,
      OURS_LARGE,
    ),
  ];
}

/** Bodies and crowds: near the floor, and below everything else that is made of Node. */
function judgePeers(figures, prefix) {
  const row = rowsOf(figures, prefix);
  return Object.keys(nodeDoors).flatMap((name) =>
    row(`CPU per request / ${name}`, 'cpuMicros', name, name === FLOOR ? 1.15 : 1),
  );
}

/** Makes the row of one comparison, or none where the other one is not there. */
function rowsOf(figures, prefix) {
  return (what, field, theirs, atMost, ours = OURS) => {
    if (figures[theirs] === undefined) return [];
    const of = (name) => figures[name].map((round) => round[field]);
    return [{ what: prefix + what, value: pairedRatio(of(ours), of(theirs)), atMost }];
  };
}

function cpuLimit(name, limits) {
  if (name === 'http-proxy keep-alive') return limits.keepAlive;
  return name === FLOOR ? 1.15 : 1;
}
