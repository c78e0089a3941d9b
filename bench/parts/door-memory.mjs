import { fileURLToPath } from 'node:url';
import { startBackends } from '../lib/backends.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient } from '../lib/load.mjs';
import { openFiles, settledRss } from '../lib/proc.mjs';
import { run } from '../lib/programs.mjs';
import { until } from '../lib/until.mjs';

const MIB = 2 ** 20;
const EARLY = 100_000;
const LATE = 1_000_000;
const ABORTED = 100_000;
const aborter = fileURLToPath(new URL('../programs/aborter.mjs', import.meta.url));

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const scale = world.quick ? 10 : 1;
  const [early, late, aborts] = [EARLY, LATE, ABORTED].map((count) => count / scale);
  await startBackends(world, 'bench-memory', 2);
  const door = await startMeowctlDoor(world, 'meowctl', 'bench-memory');
  const client = await createLoadClient(world);
  const atStart = openFiles(door.pid);
  await send(world, client, door, early);
  const afterEarly = await settledRss(door.pid);
  await send(world, client, door, late - early);
  const afterLate = await settledRss(door.pid);
  // The first ones make room for answers of 100 KiB, as the first requests do for theirs.
  await abort(world, door, aborts / 10);
  const afterFirstAborts = await settledRss(door.pid);
  await abort(world, door, aborts - aborts / 10);
  const afterAborts = await settledRss(door.pid);
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

async function send(world, client, door, total) {
  world.say(`${total} requests`);
  for (let sent = 0; sent < total; ) {
    const { requests, failed } = await client({
      url: `${door.url}/1k`,
      connections: 32,
      seconds: 5,
    });
    if (failed > 0 || requests === 0) throw new Error(`${failed} requests failed`);
    sent += requests;
  }
}

async function abort(world, door, total) {
  world.say(`${total} aborted requests`);
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
