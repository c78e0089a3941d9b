import { setTimeout as pause } from 'node:timers/promises';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { cpuMicros } from '../lib/proc.mjs';
import { startSimulatedFleet } from '../lib/simulated-fleet.mjs';
import { median } from '../lib/stats.mjs';
import { textTable } from '../lib/table.mjs';

const NAMESPACE = 'bench-registry';
const DOORS = 10;
const SIZES = [100, 300, 1_000];
const QUICK_SIZES = [30, 100];
const MEASURE_MS = 10_000;
const CHANGES = 3;
const KIB = 1_024;
/** What a fleet costs may grow as it does, and this much more. */
const GROWTH = 1.3;

/**
 * 100 to 1,000 servers on 10 to 100 hosts, each with a keeper, and ten doors, at one Redis: what that
 * costs while nothing happens, and how long until every door knows a change.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const fleet = await startSimulatedFleet(world, NAMESPACE);
  const doors = [];
  for (let at = 0; at < DOORS; at += 1) {
    doors.push(await startMeowctlDoor(world, `door ${at}`, NAMESPACE));
  }
  const redisPid = Number((await info(world, 'server')).process_id);
  const details = [];
  for (const servers of world.quick ? QUICK_SIZES : SIZES) {
    world.say(`${servers} servers`);
    const before = cpuMicros(redisPid);
    const growMs = await fleet.ask('grow', { count: servers });
    const growCpuMs = (cpuMicros(redisPid) - before) / 1_000;
    const idle = await atRest(world, { redisPid, doors, fleet });
    const changes = [];
    for (let at = 0; at < CHANGES; at += 1) changes.push(await fleet.ask('change'));
    const of = (name) => median(changes.map((change) => change[name]));
    details.push({
      ...{ servers, growMs, growCpuMs, ...idle },
      ...{ usedMs: of('used'), unusedMs: of('unused'), goneMs: of('gone') },
    });
  }
  await fleet.ask('end').catch(() => {}); // its answer may be lost in its end
  return rowsOf(details);
}

/** What all of it takes a second while nothing happens. */
async function atRest(world, { redisPid, doors, fleet }) {
  const look = async () => {
    const stats = await info(world, 'stats');
    const calls = await info(world, 'commandstats');
    const evals = Number(/calls=(\d+)/.exec(calls.cmdstat_eval)?.[1]);
    return {
      ...{ commands: Number(stats.total_commands_processed), scripts: evals },
      inKib: Number(stats.total_net_input_bytes) / KIB,
      outKib: Number(stats.total_net_output_bytes) / KIB,
      redisCpu: cpuMicros(redisPid) / 10_000,
      doorCpu: doors.reduce((sum, { pid }) => sum + cpuMicros(pid), 0) / 10_000 / doors.length,
      restCpu: cpuMicros(fleet.pid) / 10_000,
    };
  };
  await pause(MEASURE_MS / 5);
  const before = await look();
  const beganMs = performance.now();
  await pause(MEASURE_MS);
  const after = await look();
  const seconds = (performance.now() - beganMs) / 1_000;
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, (value - before[name]) / seconds]),
  );
}

async function info(world, section) {
  const lines = (await world.redis.info(section)).split('\r\n').map((line) => line.split(/:(.*)/));
  return Object.fromEntries(lines);
}

function rowsOf(details) {
  const rows = details.map((detail) => ({
    what: `${detail.servers} servers`,
    value: detail.redisCpu,
    unit: ' %',
    detail,
  }));
  const [first, last] = [details.at(0), details.at(-1)];
  const grows = (name) => last[name] / first[name] / (last.servers / first.servers);
  const growth = (name, what) => ({
    what: `${what}, ${last.servers} servers / ${first.servers}, in shares of the servers`,
    value: grows(name),
    atMost: GROWTH,
  });
  return [
    ...rows,
    growth('redisCpu', 'CPU of Redis'),
    growth('outKib', 'bytes out of Redis'),
    growth('inKib', 'bytes into Redis'),
    growth('doorCpu', 'CPU of a door'),
  ];
}

/** @param {readonly import('../lib/table.mjs').Row[]} rows */
export function draw(rows) {
  const details = rows.flatMap(({ detail }) => (detail ? [detail] : []));
  const head = [`registry, ${DOORS} doors`, ...details.map(({ servers }) => `${servers} servers`)];
  const line = (what, name, digits = 0) => [
    what,
    ...details.map((detail) => detail[name].toFixed(digits)),
  ];
  return textTable(head, [
    line('scripts/s', 'scripts'),
    line('commands/s, those in scripts too', 'commands'),
    line('KiB/s into Redis', 'inKib'),
    line('KiB/s out of Redis', 'outKib'),
    line('CPU of Redis, % of a core', 'redisCpu', 1),
    line('CPU of a door, % of a core', 'doorCpu', 1),
    line('CPU of the servers and keepers, % of a core', 'restCpu', 1),
    line('a new server is used by all doors, ms', 'usedMs'),
    line('an ordered one by none, ms', 'unusedMs'),
    line('and is gone from all, ms', 'goneMs'),
    line('until as many were there and used, ms', 'growMs'),
    line('CPU of Redis for that, ms', 'growCpuMs'),
  ]);
}
