import { createMeowctl } from '../lib/meowctl.mjs';
import { createPm2 } from '../lib/pm2.mjs';
import { run } from '../lib/programs.mjs';
import { serverId, writeServers } from '../lib/registry.mjs';
import { interleave } from '../lib/rounds.mjs';
import { pairedRatio } from '../lib/stats.mjs';
import { until } from '../lib/until.mjs';

const APP = 'cat';
const TEN = 10;

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const fleet = createMeowctl(world, 'bench-cli');
  const underPm2 = createMeowctl(world, 'bench-pm2');
  const pm2 = createPm2(world, underPm2.env);
  await fleet.run('spawn', '2');
  await pm2('start', underPm2.bin, '--name', APP, '--interpreter', world.node, '--', 'serve');
  await pm2('scale', APP, '2');
  const rows = [...(await lists(world, fleet, pm2)), ...(await longLists(world))];
  await pm2('scale', APP, '1');
  rows.push(...(await oneSpawn(world, fleet)), ...(await tenSpawns(world, fleet, underPm2, pm2)));
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

/*
 * pm2 calls a process `online` once it is started, and returns then; meowctl returns once the
 * server answers and is registered. So pm2's servers are also timed until Redis shows them up.
 * pm2 cannot scale from 0: both sides go from 1 to 11.
 */
async function tenSpawns(world, fleet, underPm2, pm2) {
  world.say('spawn 10, against pm2 scale by 10 of the same app: 1 to 11 each');
  await destroyAllBut(fleet, 1);
  const results = await interleave(world.quick ? 2 : 5, {
    meowctl: () => spawnTen(fleet),
    pm2: () => scaleByTen(underPm2, pm2),
  });
  const ours = results.meowctl;
  const theirs = (moment) => results.pm2.map((times) => times[moment]);
  return [
    {
      what: 'spawn 10 / pm2 scale by 10, both until all are up',
      value: pairedRatio(ours, theirs('upMs')),
      atMost: 1,
    },
    {
      what: 'spawn 10 (ready) / pm2 scale by 10 (returns at "online": started)',
      value: pairedRatio(ours, theirs('onlineMs')),
    },
  ];
}

async function spawnTen(fleet) {
  const { ms } = await fleet.run('spawn', String(TEN), '-q');
  if ((await upCount(fleet)) !== TEN + 1) throw new Error('spawn 10 did not give ten more servers');
  await destroyAllBut(fleet, 1);
  return ms;
}

async function scaleByTen(underPm2, pm2) {
  const begun = performance.now();
  const scaling = pm2('scale', APP, String(TEN + 1));
  const allUp = until(
    'ten more servers under pm2',
    async () => (await upCount(underPm2)) === TEN + 1,
    60_000,
  );
  const { ms: onlineMs } = await scaling;
  await allUp;
  const upMs = Math.max(onlineMs, performance.now() - begun);
  await pm2('scale', APP, '1');
  await until('pm2 back at one', async () => (await upCount(underPm2)) === 1, 60_000);
  return { onlineMs, upMs };
}

async function upCount(meowctl) {
  return (await meowctl.records()).filter((record) => record.state === 'up').length;
}

async function destroyAllBut(fleet, kept) {
  const ids = (await fleet.records()).slice(kept).map((record) => record.id);
  if (ids.length > 0) await fleet.run('destroy', ...ids);
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
