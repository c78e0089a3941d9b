import { fileURLToPath } from 'node:url';
import { startBackends } from '../lib/backends.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient } from '../lib/load.mjs';
import { openFiles, settledRss } from '../lib/proc.mjs';
import { run } from '../lib/programs.mjs';
import { median } from '../lib/stats.mjs';
import { until } from '../lib/until.mjs';

const MIB = 2 ** 20;
const EARLY = 100_000;
const LATE = 1_000_000;
const ABORTED = 100_000;
const LOOKS = 5;
const SOME_SECONDS = 1;
const SOME_ABORTS = 2_000;
const aborter = fileURLToPath(new URL('../programs/aborter.mjs', import.meta.url));

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const scale = world.quick ? 10 : 1;
  const [early, late, aborts] = [EARLY, LATE, ABORTED].map((count) => count / scale);
  await startBackends(world, 'bench-memory', 2);
  const door = await startMeowctlDoor(world, 'meowctl', 'bench-memory');
  const client = await createLoadClient(world);
  const atStart = openFiles(door.pid);
  const some = () => load(client, door, SOME_SECONDS);
  await send(world, client, door, early);
  const afterEarly = await usualRss(door, some);
  await send(world, client, door, late - early);
  const afterLate = await usualRss(door, some);
  // The first ones make room for answers of 100 KiB, as the first requests do for theirs.
  const someAborts = () => abort(world, door, SOME_ABORTS);
  world.say(`${aborts} aborted requests`);
  await abort(world, door, aborts / 10);
  const afterFirstAborts = await usualRss(door, someAborts);
  await abort(world, door, aborts - aborts / 10);
  const afterAborts = await usualRss(door, someAborts);
  const left = await filesLeft(world, door, atStart);
  return [
    grown(`memory after ${late} requests − after ${early}`, afterLate - afterEarly),
    grown(
      `memory after ${aborts} aborted requests − after ${aborts / 10}`,
      afterAborts - afterFirstAborts,
    ),
    { what: 'open files after it all − at the start', value: left, atMost: 5 },
  ];
}

function grown(what, bytes) {
  return { what, value: bytes / MIB, atMost: 10, unit: ' MiB' };
}

/** Where the collector happens to have left it differs by 12 MiB, so it is looked at more than once, with some load between. */
async function usualRss(door, work) {
  const seen = [await settledRss(door.pid)];
  while (seen.length < LOOKS) {
    await work();
    seen.push(await settledRss(door.pid));
  }
  return median(seen);
}

async function send(world, client, door, total) {
  world.say(`${total} requests`);
  for (let sent = 0; sent < total; ) {
    sent += await load(client, door, 5);
  }
}

async function load(client, { url }, seconds) {
  const { requests, failed } = await client({ url: `${url}/1k`, connections: 32, seconds });
  if (failed > 0 || requests === 0) throw new Error(`${failed} requests failed`);
  return requests;
}

async function abort(world, door, total) {
  const { port } = new URL(door.url);
  await run(process.execPath, [aborter, port, String(total)], { env: world.env });
}

/** The door closes idle connections to its servers after 15 s: as many as at the start, or as it is after 30 s. */
async function filesLeft(world, door, atStart) {
  const left = () => openFiles(door.pid) - atStart;
  try {
    await until('connections closed', () => left() <= 0, 30_000, 250);
  } catch {
    world.say(`${left()} more open files than at the start`);
  }
  return left();
}
