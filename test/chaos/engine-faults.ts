import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { identify } from '../../src/process/identity.ts';
import { withHaproxy } from '../helpers/haproxy.ts';
import { keepAsking } from '../helpers/load.ts';
import { needs } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';
import type { Door } from './door.ts';
import { against, type Scenario, Skipped, seconds } from './scenario.ts';
import type { World } from './world.ts';

/** HAProxy is back within this. */
const BACK_MS = 1_000;
const FLAGS = ['--engine', 'haproxy', '--threads', '2'];

function open(world: World, port?: number): Promise<Door> {
  if (!needs.haproxy.isHere()) throw new Skipped(needs.haproxy.what);
  const env = { PATH: withHaproxy() };
  return world.openDoor({ flags: FLAGS, env, ...(port === undefined ? {} : { port }) });
}

function master({ site }: World, { port }: Door): number {
  const note = join(site.home, 'engine', String(port), 'haproxy.json');
  return JSON.parse(readFileSync(note, 'utf8')).pid;
}

function worker(world: World, door: Door): number {
  const pid = master(world, door);
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

/** A form whose end does not come before `finish`, which gives its status. */
function longRequest(url: string) {
  let status = '';
  const headers = { 'content-type': 'multipart/form-data; boundary=end' };
  const asked = request(`${url}/upload`, { method: 'POST', headers }, (answer) => {
    status = String(answer.statusCode);
    answer.resume();
  });
  asked.on('error', ({ message }) => {
    status = message;
  });
  // RFC 2046 §5.1.1: what stands before the first boundary is ignored.
  asked.write('ignored');
  const drip = setInterval(() => asked.write('.'), 500);
  return async () => {
    clearInterval(drip);
    const before = status;
    asked.end('\r\n--end--\r\n');
    await until('the long request is answered', () => status !== '');
    return [before, status];
  };
}

const killedController: Scenario = {
  fault:
    'controller of HAProxy kill -9 under load, a server comes meanwhile; then the next controller',
  expected: 'HAProxy serves on, and is adopted as it runs; 0 failed, a long request is whole',
  quick: false,
  async run(world) {
    const door = await open(world);
    await world.spawn(['3']);
    await world.used();
    const before = master(world, door);
    const load = keepAsking(`${door.url}/test`);
    const finish = longRequest(door.url);
    await until('load', () => load.good() > 200);
    await door.kill();
    const good = load.good();
    const rows = await world.spawn(['1']);
    await until('load without it', () => load.good() > good + 200);
    const began = performance.now();
    const again = await open(world, door.port);
    await world.used(rows);
    const tookMs = performance.now() - began;
    // There is no picture in it.
    expect(await finish()).toEqual(['', '400']);
    const { failures, sent } = await load.stop();
    expect([failures, master(world, again)]).toEqual([[], before]);
    return `the new server is used ${seconds(tookMs)} after the start; 0 of ${sent} failed, 1 long one whole`;
  },
};

/** Kills one process of HAProxy, and says how long nobody answered. */
function killed(what: string, victim: (world: World, door: Door) => number): Scenario {
  return {
    fault: `${what} of HAProxy kill -9 under load`,
    expected: 'serving again ≤ 1 s with all servers; only what came meanwhile fails',
    quick: false,
    async run(world) {
      const door = await open(world);
      await world.spawn(['3']);
      await world.used();
      const before = master(world, door);
      const load = keepAsking(`${door.url}/test`);
      await until('load', () => load.good() > 200);
      process.kill(victim(world, door), 'SIGKILL');
      const began = performance.now();
      const serves = () =>
        fetch(`${door.url}/test`).then(
          ({ ok }) => ok,
          () => false,
        );
      await until('another serves', async () => master(world, door) !== before && serves());
      const tookMs = performance.now() - began;
      expect(identify(before)).toBeNull();
      const { failures, sent } = await load.stop();
      // Of the process that is gone: nobody may get a wrong answer.
      expect(failures.filter((each) => !/ECONN|hang up|EPIPE/.test(each))).toEqual([]);
      const after = keepAsking(`${door.url}/test`);
      await until('load', () => after.good() > 200);
      expect((await after.stop()).failures).toEqual([]);
      return `serving ${against(tookMs, BACK_MS)} after; ${failures.length} of ${sent} cut or refused meanwhile`;
    },
  };
}

const stoppedController: Scenario = {
  fault:
    'controller of HAProxy SIGSTOPped under load; a server is killed and another drains meanwhile',
  expected: '0 GETs failed; drain exits 0; after SIGCONT only those that are there are used',
  quick: false,
  async run(world) {
    const door = await open(world);
    const [dies, leaves, ...rest] = await world.spawn(['4']);
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 200);
    door.child.kill('SIGSTOP');
    const began = performance.now();
    process.kill(dies?.pid ?? Number.NaN, 'SIGKILL');
    const { code } = await world.site.run(['destroy', leaves?.id ?? '', '--drain-timeout', '5']);
    await until('its lease ran out', async () => (await doorLeases(world)) === 0);
    const pausedMs = performance.now() - began;
    door.child.kill('SIGCONT');
    const rows = [...rest, ...(await world.spawn(['1']))];
    await world.used(rows);
    const { failures, sent } = await load.stop();
    expect([code, failures]).toEqual([0, []]);
    return `paused ${seconds(pausedMs)}; drain exit 0; 0 of ${sent} failed`;
  },
};

/** How many doors have a lease that runs. */
async function doorLeases({ raw }: World): Promise<number> {
  const [now] = (await raw.time()) as unknown as [string];
  return raw.zcount('{meow}:doors', Number(now) * 1_000, '+inf');
}

const redisAway: Scenario = {
  fault: 'Redis kill -9 under load before HAProxy, HAProxy kill -9 meanwhile; Redis back empty',
  expected: 'HAProxy comes back with all servers without Redis; the registry is whole again ≤ 5 s',
  quick: false,
  async run(world) {
    const door = await open(world);
    const rows = await world.spawn(['3']);
    await world.used();
    await world.site.redis.kill('SIGKILL');
    const load = keepAsking(`${door.url}/test`);
    await until('load without Redis', () => load.good() > 500);
    expect((await load.stop()).failures).toEqual([]);
    const before = master(world, door);
    process.kill(before, 'SIGKILL');
    const by = async () => {
      const answer = await fetch(`${door.url}/test`).catch(() => null);
      return answer?.ok ? answer.headers.get('x-served-by') : null;
    };
    await until('another serves', async () => master(world, door) !== before && by());
    const served = new Set(await Promise.all(rows.map(() => by())));
    expect(served.size).toBe(3);
    await world.site.redis.restart();
    const began = performance.now();
    const records = () => world.raw.hlen('{meow}:servers').catch(() => 0);
    await until('all records are back', async () => (await records()) === 3);
    const tookMs = performance.now() - began;
    await world.used(rows);
    return `0 failed without Redis; all 3 after its start again; records back ${against(tookMs, 5_000)}`;
  },
};

export const engineFaults: readonly Scenario[] = [
  killedController,
  killed('master', master),
  killed('worker', worker),
  stoppedController,
  redisAway,
];
