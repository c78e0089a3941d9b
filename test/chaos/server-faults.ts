import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { against, type Scenario, seconds } from './scenario.ts';
import { serverPids, type World } from './world.ts';

/** Three servers, and a door that uses them. */
async function three(world: World, args: readonly string[] = [], flags: readonly string[] = []) {
  const door = await world.openDoor({ flags });
  const [first, ...rest] = await world.spawn(['3', ...args]);
  if (!first) throw new Error('no server');
  await world.used();
  return { door, first, rest };
}

const rowOf = async ({ site }: World, { id }: Row) =>
  (await site.list()).find((row) => row.id === id);

const killed: Scenario = {
  fault: 'kill -9 of one of three servers under load, GET',
  expected: '0 failed; lost within 6 s; the rest serve on',
  quick: false,
  async run(world) {
    const { door, first } = await three(world);
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 500);
    const began = performance.now();
    process.kill(first.pid, 'SIGKILL');
    await until('lost', async () => (await rowOf(world, first))?.state === 'lost');
    const lostMs = performance.now() - began;
    const { failures, sent, durationsMs } = await load.stop();
    expect(failures).toEqual([]);
    return `0 of ${sent} failed, slowest ${Math.round(Math.max(...durationsMs))} ms; lost after ${against(lostMs, 7_000)}`;
  },
};

// Says every POST it ran, before it answers.
const TELLING = `import { appendFileSync } from 'node:fs';
export default (request, response) => {
  appendFileSync('ran.txt', request.url + '\\n');
  setTimeout(() => response.end('done'), 5);
};`;

const killedPosts: Scenario = {
  fault: 'kill -9 of one of three servers under load, POST',
  expected: 'only what it had in flight fails, 502; nothing runs twice, no answered one is missing',
  quick: false,
  async run(world) {
    const app = join(world.site.home, 'telling.mjs');
    writeFileSync(app, TELLING);
    const workers = 12;
    const { door, first } = await three(world, ['--app', app, '--cwd', world.site.home]);
    const load = keepAsking(door.url, { method: 'POST', workers, path: (at) => `/n/${at}` });
    await until('load', () => load.good() > 1_000);
    process.kill(first.pid, 'SIGKILL');
    const before = load.good();
    await until('more load', () => load.good() > before + 1_000);
    const { failures, sent } = await load.stop();
    const ran = readFileSync(join(world.site.home, 'ran.txt'), 'utf8').trim().split('\n');
    const posts = ran.filter((path) => path.startsWith('/n/'));
    expect(new Set(posts).size).toBe(posts.length);
    expect(failures.filter((failure) => failure !== '502')).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(workers);
    expect(posts.length).toBeGreaterThanOrEqual(sent - failures.length);
    return `${failures.length} × 502 of ${sent}; ${posts.length} ran, none twice`;
  },
};

const stopped: Scenario = {
  fault: 'SIGSTOP of one of three servers under load, SIGCONT later',
  expected: '0 GETs failed: what it had goes to another once it is out; in again when it goes on',
  quick: false,
  async run(world) {
    const { door, first, rest } = await three(world);
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 200);
    process.kill(first.pid, 'SIGSTOP');
    const outAgain = async () => (await rowOf(world, first))?.doors[0]?.startsWith('out');
    await until('out', outAgain);
    const hung = await load.stop();
    expect(hung.failures).toEqual([]);
    const after = keepAsking(`${door.url}/test`);
    await until('load', () => after.good() > 500);
    process.kill(first.pid, 'SIGCONT');
    await world.used([first, ...rest]);
    const { failures, sent } = await after.stop();
    expect(failures).toEqual([]);
    const waited = seconds(Math.max(...hung.durationsMs));
    return `0 of ${hung.sent} failed until it was out, one waited ${waited}; 0 of ${sent} through its return`;
  },
};

const termStorm: Scenario = {
  fault: 'a storm of 200 SIGTERM on one of three servers under load',
  expected: '0 GETs failed; it is gone within 2 s, deregistered, its desired server stopped',
  quick: true,
  async run(world) {
    const { door, first } = await three(world);
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 200);
    const began = performance.now();
    const storm = async () => {
      for (let at = 0; at < 200 && serverPids(world.site.home).includes(first.pid); at += 1) {
        process.kill(first.pid, 'SIGTERM');
        await pause(1);
      }
    };
    await storm().catch(forgiveGone);
    await until('gone', () => !serverPids(world.site.home).includes(first.pid));
    const tookMs = performance.now() - began;
    await until('deregistered', async () => (await rowOf(world, first))?.state === 'stopped');
    const desired = JSON.parse((await world.raw.hget('{meow}:intents', first.id)) ?? '{}');
    expect(desired.state).toBe('stopped');
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    return `0 of ${sent} failed; gone and deregistered after ${against(tookMs, 2_000)}, desired server stopped`;
  },
};

const stormOnAll: Scenario = {
  fault: 'SIGTERM to every server and destroy of each, at once',
  expected:
    'all gone, destroy exits 0 or 3; the door says 503 with Retry-After, 200 ≤ 1 s after spawn',
  quick: false,
  async run(world) {
    const { door, first, rest } = await three(world);
    for (const { pid } of [first, ...rest]) process.kill(pid, 'SIGTERM');
    const runs = [first, ...rest].map(({ id }) => world.site.run(['destroy', id, '--force']));
    const codes = (await Promise.all(runs)).map(({ code }) => code);
    expect(codes.filter((code) => code !== 0 && code !== 3)).toEqual([]);
    await until('all are gone', () => world.servers().length === 0);
    const none = await until('the door knows', async () => {
      const answer = await fetch(door.url);
      await answer.text();
      return answer.status === 503 && answer;
    });
    expect(none.headers.get('retry-after')).toBe('1');
    await world.spawn();
    const began = performance.now();
    await until('200', async () => (await fetch(door.url)).status === 200);
    return `exits ${codes.join(' ')}; 503; 200 ${against(performance.now() - began, 1_000)} after spawn`;
  },
};

function forgiveGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ESRCH') throw error;
}

export const serverFaults: readonly Scenario[] = [
  killed,
  killedPosts,
  stopped,
  termStorm,
  stormOnAll,
];
