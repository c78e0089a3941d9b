import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startBackends } from '../lib/backends.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient, measureLoad } from '../lib/load.mjs';
import { createMeowctl } from '../lib/meowctl.mjs';
import { childCpuMicros, settledRss } from '../lib/proc.mjs';
import { interleave } from '../lib/rounds.mjs';
import { ratioWithInterval } from '../lib/stats.mjs';

const ROUNDS = 20;
/** Ticks of /proc are 10 ms, and a verb takes 200: several to a round. */
const VERBS_A_ROUND = 5;
const AT_MOST = 1.03;

const loads = [
  { what: '1 KiB GET, 32 connections', path: '/1k', connections: 32, seconds: 1 },
  {
    what: '64 KiB POST, 32 connections',
    path: '/post',
    bodyBytes: 65_536,
    connections: 32,
    seconds: 1,
  },
];

/**
 * This checkout against another one, built, that `--against` names: the same work in the same run,
 * A B B A, and the 95 % interval of the median of the ratios.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const { against } = world;
  if (against === null || !existsSync(join(against, 'dist', 'start.cjs'))) {
    throw new Error(`--against ${against}: name a folder with a built checkout of meowctl`);
  }
  const bin = join(against, 'bin', 'meowctl.js');
  return [
    ...(await verbs(world, bin)),
    ...(await doors(world, bin)),
    ...(await servers(world, bin)),
  ];
}

async function verbs(world, bin) {
  world.say('listservers and --help, before and now');
  const fleets = {
    now: createMeowctl(world, 'bench-now'),
    before: createMeowctl(world, 'bench-before', bin),
  };
  const rows = [];
  for (const words of [['listservers'], ['--help']]) {
    const timed = (fleet) => async () => {
      const [cpu, at] = [childCpuMicros(), performance.now()];
      for (let left = VERBS_A_ROUND; left > 0; left -= 1) await fleet.run(...words);
      return { cpu: childCpuMicros() - cpu, ms: performance.now() - at };
    };
    const { now, before } = await paired(world, timed(fleets.now), timed(fleets.before));
    rows.push(row(`meowctl ${words[0]}, CPU`, now, before, 'cpu'));
    rows.push(row(`meowctl ${words[0]}, time`, now, before, 'ms'));
  }
  return rows;
}

async function doors(world, bin) {
  const client = await createLoadClient(world);
  const backends = await startBackends(world, 'bench-versions', 2);
  world.say(`the door before ${backends.length} servers, before and now`);
  const now = await startMeowctlDoor(world, 'now', 'bench-versions');
  const before = await startMeowctlDoor(world, 'before', 'bench-versions', bin);
  const rows = [];
  for (const { what, path, ...load } of loads) {
    const round = (door) => () => measureLoad(client, door.pid, { url: door.url + path, ...load });
    const figures = await paired(world, round(now), round(before));
    rows.push(row(`door, ${what}, CPU per request`, figures.now, figures.before, 'cpuMicros'));
  }
  const memory = { now: await settledRss(now.pid), before: await settledRss(before.pid) };
  return [
    ...rows,
    { what: 'door, memory after it', value: memory.now / memory.before, atMost: 1.1 },
  ];
}

async function servers(world, bin) {
  world.say('memory of one idle server, before and now');
  const rss = async (fleet) => {
    await fleet.run('spawn');
    const [{ pid }] = await fleet.ask('listservers');
    return settledRss(pid);
  };
  const now = await rss(createMeowctl(world, 'bench-server-now'));
  const before = await rss(createMeowctl(world, 'bench-server-before', bin));
  return [{ what: 'server, memory at rest', value: now / before, atMost: 1.1 }];
}

async function paired(world, now, before) {
  await interleave(1, { now, before }); // for caches and compilers
  return interleave(world.quick ? 4 : ROUNDS, { now, before });
}

function row(what, now, before, field) {
  const of = (rounds) => rounds.map((round) => round[field]);
  const { ratio, from, to } = ratioWithInterval(of(now), of(before));
  return { what: `${what} / before`, value: ratio, interval: [from, to], atMost: AT_MOST };
}
