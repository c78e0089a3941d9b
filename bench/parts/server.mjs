import { fileURLToPath } from 'node:url';
import { createLoadClient, measureLoad } from '../lib/load.mjs';
import { createMeowctl } from '../lib/meowctl.mjs';
import { settledRss } from '../lib/proc.mjs';
import { startTelling } from '../lib/programs.mjs';
import { interleave } from '../lib/rounds.mjs';
import { median, pairedRatio } from '../lib/stats.mjs';

const CONNECTIONS = 32;

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const fleet = createMeowctl(world, 'bench-server');
  return [...(await memory(world, fleet)), ...(await cpu(world, fleet))];
}

async function memory(world, fleet) {
  world.say('memory of idle servers, against bare Koa');
  const ours = await fleet.ask('spawn', '3');
  const bare = await Promise.all([1, 2, 3].map(() => hello(world, 'koa-hello')));
  const rss = async (servers) =>
    median(await Promise.all(servers.map(({ pid }) => settledRss(pid))));
  const [mine, theirs] = await Promise.all([rss(ours), rss(bare)]);
  world.say(`idle memory: server ${mib(mine)}, bare Koa ${mib(theirs)}`);
  await Promise.all(bare.map((server) => server.stop()));
  return [{ what: "idle server's memory / bare Koa", value: mine / theirs, atMost: 1.35 }];
}

async function cpu(world, fleet) {
  world.say('CPU per GET /, against Koa + @koa/router');
  const client = await createLoadClient(world);
  const [ours] = await fleet.ask('listservers');
  const theirs = await hello(world, 'koa-router-hello');
  const round = (pid, url) => () =>
    measureLoad(client, pid, { url, connections: CONNECTIONS, seconds: 3 });
  const contenders = {
    meowctl: round(ours.pid, `${ours.url}/`),
    koa: round(theirs.pid, `http://127.0.0.1:${theirs.said.port}/`),
  };
  await interleave(1, contenders); // for the compiler
  const results = await interleave(world.quick ? 3 : 7, contenders);
  await checkVisits(world, fleet);
  const micros = (name) => results[name].map((result) => result.cpuMicros);
  const [mine, bare] = [micros('meowctl'), micros('koa')];
  world.say(
    `CPU per GET /: server ${median(mine).toFixed(1)} µs, Koa ${median(bare).toFixed(1)} µs`,
  );
  return [
    {
      what: 'CPU per GET /, visit recorded / Koa + router',
      value: pairedRatio(mine, bare),
      atMost: 1.3,
    },
  ];
}

async function checkVisits(world, fleet) {
  const visits = await world.redis.lrange(`{${fleet.namespace}}:recent`, 0, -1);
  if (visits.length === 0 || visits.some((path) => path !== '/')) {
    throw new Error(`the visits were not recorded: ${JSON.stringify(visits)}`);
  }
}

async function hello(world, name) {
  const program = fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url));
  const server = await startTelling(world.node, [program], { env: world.env });
  world.atEnd(server.stop);
  return server;
}

function mib(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
