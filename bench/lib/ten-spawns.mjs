import { interleave } from './rounds.mjs';
import { pairedRatio } from './stats.mjs';
import { until } from './until.mjs';

const TEN = 10;

/*
 * pm2 calls a process `online` once it is started, and returns then; meowctl returns once the
 * server answers and is registered. So pm2's servers are also timed until Redis shows them up.
 * pm2 cannot scale from 0: both sides go from 1 to 11.
 */
export async function tenSpawns(world, fleet, underPm2, pm2, app) {
  world.say('spawn 10, against pm2 scale by 10 of the same app: 1 to 11 each');
  await destroyAllBut(fleet, 1);
  const results = await interleave(world.quick ? 2 : 5, {
    meowctl: () => spawnTen(fleet),
    pm2: () => scaleByTen(underPm2, pm2, app),
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

async function scaleByTen(underPm2, pm2, app) {
  const begun = performance.now();
  const scaling = pm2('scale', app, String(TEN + 1));
  const allUp = until(
    'ten more servers under pm2',
    async () => (await upCount(underPm2)) === TEN + 1,
    60_000,
  );
  const { ms: onlineMs } = await scaling;
  await allUp;
  const upMs = Math.max(onlineMs, performance.now() - begun);
  await pm2('scale', app, '1');
  await until('pm2 back at one', async () => (await upCount(underPm2)) === 1, 60_000);
  return { onlineMs, upMs };
}

async function upCount(meowctl) {
  return (await meowctl.records()).filter((record) => record.state === 'up').length;
}

export async function destroyAllBut(fleet, kept) {
  const ids = (await fleet.records()).slice(kept).map((record) => record.id);
  if (ids.length > 0) await fleet.run('destroy', ...ids);
}
