import { startBackends } from '../lib/backends.mjs';
import { startMeowctlDoor } from '../lib/doors.mjs';
import { createLoadClient } from '../lib/load.mjs';
import { preciseCpuMicros } from '../lib/proc.mjs';
import { freePort } from '../lib/programs.mjs';
import { ratioWithInterval } from '../lib/stats.mjs';
import { startSteady } from '../lib/steady.mjs';

const ROUNDS = 20;
const AT_MOST = 1.03;
const SCRAPES_A_SECOND = 1;

/** The smallest answers are where counting weighs most. */
const loads = [
  { what: '1 KiB GET, 32 connections', path: '/1k', connections: 32, seconds: 1 },
  { what: '100 KiB GET, 32 connections', path: '/100k', connections: 32, seconds: 1 },
];

/**
 * What figures cost a door: one that counts, and is scraped each second, against one that does not.
 * Rounds of A B B A, a second each, and the 95 % interval of the median of the ratios.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const client = await createLoadClient(world);
  await startBackends(world, 'bench-metrics', 2);
  const door = (name, flags) => startMeowctlDoor(world, name, 'bench-metrics', undefined, flags);
  const admin = String(await freePort());
  const counting = await door('counting', ['--admin-port', admin]);
  const silent = await door('silent', ['--no-admin', '--no-figures']);
  const scrapes = startSteady(`http://127.0.0.1:${admin}/metrics`, SCRAPES_A_SECOND);
  const rows = [];
  for (const load of loads) rows.push(await compare(world, client, { counting, silent }, load));
  const { sent, failed } = await scrapes.stop();
  if (failed.length > 0)
    throw new Error(`${failed.length} of ${sent} scrapes failed: ${failed[0]}`);
  world.say(`scraped ${sent} times`);
  return rows;
}

/** @param {Omit<import('../lib/load.mjs').Load, 'url'> & { what: string, path: string }} asked */
async function compare(world, client, { counting, silent }, asked) {
  const { what, path, ...load } = asked;
  const count = world.quick ? 4 : ROUNDS;
  world.say(`${what}, ${count} rounds A B B A`);
  const spend = async (door) => {
    const before = preciseCpuMicros(door.pid);
    const { requests, failed } = await client({ url: door.url + path, ...load });
    if (failed > 0) throw new Error(`${failed} requests to ${door.name} failed`);
    return (preciseCpuMicros(door.pid) - before) / requests;
  };
  const ours = [];
  const theirs = [];
  for (let round = 0; round <= count; round += 1) {
    const [a, b] = round % 2 === 0 ? [counting, silent] : [silent, counting];
    const spent = [await spend(a), await spend(b), await spend(b), await spend(a)];
    if (round === 0) continue; // for the compiler
    const [outer, inner] = [spent[0] + spent[3], spent[1] + spent[2]];
    ours.push(a === counting ? outer : inner);
    theirs.push(a === counting ? inner : outer);
  }
  const { ratio, from, to } = ratioWithInterval(ours, theirs);
  const name = `door with metrics / without, ${what}, CPU per request`;
  return { what: name, value: ratio, interval: [from, to], atMost: AT_MOST };
}
