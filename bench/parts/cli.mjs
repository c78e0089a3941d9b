import { createMeowctl } from '../lib/meowctl.mjs';
import { createPm2 } from '../lib/pm2.mjs';
import { run } from '../lib/programs.mjs';
import { serverId, writeServers } from '../lib/registry.mjs';
import { interleave } from '../lib/rounds.mjs';
import { pairedRatio } from '../lib/stats.mjs';
import { destroyAllBut, tenSpawns } from '../lib/ten-spawns.mjs';

const APP = 'cat';

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const fleet = createMeowctl(world, 'bench-cli');
  const underPm2 = createMeowctl(world, 'bench-pm2');
  const pm2 = createPm2(world, underPm2.env);
  await fleet.run('spawn', '2');
  await pm2('start', underPm2.bin, '--name', APP, '--interpreter', world.node, '--', 'serve');
  await pm2('scale', APP, '2');
  /** @type {import('../lib/table.mjs').Row[]} */
  const rows = [...(await lists(world, fleet, pm2)), ...(await longLists(world))];
  await pm2('scale', APP, '1');
  rows.push(
    ...(await oneSpawn(world, fleet)),
    ...(await tenSpawns(world, fleet, underPm2, pm2, APP)),
  );
  return rows;
}

async function lists(world, fleet, pm2) {
  world.say('listservers, against node -e 0 and pm2 list: two servers each');
  const times = await timed(world.quick ? 5 : 21, {
    meowctl: () => fleet.run('listservers'),
    node: () => emptyNode(world),
    pm2: () => pm2('list'),
  });
  return [
    { what: 'listservers / node -e 0', value: pairedRatio(times.meowctl, times.node), atMost: 1.7 },
    { what: 'listservers / pm2 list', value: pairedRatio(times.meowctl, times.pm2), atMost: 1 },
  ];
}

async function longLists(world) {
  world.say('listservers with 1,000 records, against 2');
  const two = await listing(world, 'bench-two', 2);
  const thousand = await listing(world, 'bench-thousand', 1_000);
  const times = await timed(world.quick ? 5 : 21, { two, thousand });
  return [
    {
      what: 'listservers with 1,000 records / with 2',
      value: pairedRatio(times.thousand, times.two),
      atMost: 1.5,
    },
  ];
}

async function listing(world, namespace, count) {
  const meowctl = createMeowctl(world, namespace);
  const servers = Array.from({ length: count }, (_, n) => ({ id: serverId(n), port: 20_000 + n }));
  await writeServers(world.redis, namespace, servers);
  world.atEnd(() => world.redis.del(`{${namespace}}:servers`)); // nobody to stop
  const rows = await meowctl.ask('listservers');
  const up = rows.filter((row) => row.state === 'up').length;
  if (up !== count) throw new Error(`listservers shows ${up} of ${count} records as up`);
  return () => meowctl.run('listservers');
}

async function oneSpawn(world, fleet) {
  world.say('spawn until ready, against node -e 0');
  const times = await timed(world.quick ? 5 : 21, {
    meowctl: () => fleet.run('spawn', '-q'),
    node: () => emptyNode(world),
  });
  await destroyAllBut(fleet, 1);
  return [
    {
      what: 'spawn until ready / node -e 0',
      value: pairedRatio(times.meowctl, times.node),
      atMost: 4.5,
    },
  ];
}

function emptyNode(world) {
  return run(world.node, ['-e', '0'], { env: world.env });
}

/** Wall time in ms of every run; one run of each beforehand, to warm the disk cache. */
async function timed(rounds, contenders) {
  for (const once of Object.values(contenders)) await once();
  const results = await interleave(rounds, contenders);
  const ms = ([name, runs]) => [name, runs.map((one) => one.ms)];
  return Object.fromEntries(Object.entries(results).map(ms));
}
