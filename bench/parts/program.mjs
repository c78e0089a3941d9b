import { fileURLToPath } from 'node:url';
import { startNodeDoor } from '../lib/doors.mjs';
import { createLoadClient, measureLoad } from '../lib/load.mjs';
import { createMeowctl } from '../lib/meowctl.mjs';
import { settledRss } from '../lib/proc.mjs';
import { freePort, startListening, startTelling } from '../lib/programs.mjs';
import { interleave } from '../lib/rounds.mjs';
import { median, pairedRatio } from '../lib/stats.mjs';

const CONNECTIONS = 32;
const MIB = 2 ** 20;
// Wanted is 1.1. Node with ioredis alone, connected, is at 1.27: see docs/decisions.md.
const MOST_MEMORY = 1.6;
const program = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

/**
 * The server that stands beside a program: what it holds, and what it costs to go through it.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const fleet = createMeowctl(world, 'bench-program');
  const port = await freePort();
  const words = ['--', world.node, program('hello-listening.mjs')];
  const server = await startListening(
    world.node,
    [fleet.bin, 'serve', '--port', `${port}`, ...words],
    port,
    { env: fleet.env },
  );
  world.atEnd(server.stop);
  const url = `http://127.0.0.1:${port}`;
  const [record] = await fleet.ask('listservers');
  const direct = `http://127.0.0.1:${record.program.port}`;
  return [...(await memory(world, server)), ...(await cpu(world, { ...server, url }, direct))];
}

async function memory(world, server) {
  world.say('memory of an idle server beside a program, against a bare HTTP server');
  const bare = await startTelling(world.node, [program('bare-http.mjs')], { env: world.env });
  const [mine, theirs] = await Promise.all([server, bare].map(({ pid }) => settledRss(pid)));
  await bare.stop();
  world.say(`server ${(mine / MIB).toFixed(1)} MiB, bare ${(theirs / MIB).toFixed(1)} MiB`);
  return [
    {
      what: "program's server, memory / bare HTTP server",
      value: mine / theirs,
      atMost: MOST_MEMORY,
    },
  ];
}

async function cpu(world, server, direct) {
  world.say('CPU per GET through it, against bare undici');
  const client = await createLoadClient(world);
  const undici = await startNodeDoor(world, 'bare undici', [direct]);
  const round = (contender) => () =>
    measureLoad(client, contender.pid, {
      url: `${contender.url}/`,
      connections: CONNECTIONS,
      seconds: 3,
    });
  const contenders = { meowctl: round(server), undici: round(undici) };
  await interleave(1, contenders); // for the compiler
  const results = await interleave(world.quick ? 3 : 7, contenders);
  const micros = (name) => results[name].map((result) => result.cpuMicros);
  const [mine, bare] = [micros('meowctl'), micros('undici')];
  return [
    { what: 'CPU per GET to a program, through its server', value: median(mine), unit: ' µs' },
    { what: 'the same, through bare undici', value: median(bare), unit: ' µs' },
    { what: "program's server, CPU per GET / bare undici", value: pairedRatio(mine, bare) },
  ];
}
