import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serversOf } from '../helpers/machine.ts';
import { missing, needs } from '../helpers/needs.ts';
import { openSpreadFleet, type SpreadFleet } from '../helpers/spread-fleet.ts';
import { openStranger } from '../helpers/stranger.ts';
import { until } from '../helpers/until.ts';
import { UNCAUGHT } from './invariants.ts';
import { seconds } from './scenario.ts';

const LIMIT_MS = 600_000;
const ASK_MS = 10;
const SECOND = 1_000;
const CUT_MS = 60 * SECOND;
/** Of a slow line, either way. */
const DELAY_MS = 40;
const isWanted = process.env.MEOW_CHAOS === 'all';

let fleet: SpreadFleet;
let asking: ReturnType<SpreadFleet['ask']>;

/** What is done to the machines, and what was seen, in a few words. */
interface Cut {
  readonly fault: string;
  readonly expected: string;
  run(): Promise<string>;
}

beforeAll(async () => {
  if (isWanted && needs.network.isHere()) fleet = await openSpreadFleet();
});
afterAll(() => fleet?.close());

const passed = (ms: number) => {
  const began = performance.now();
  return until(`${ms / SECOND} s have passed`, () => performance.now() - began > ms);
};
const failed = (method?: string) =>
  asking.soFar().filter((one) => one.status !== 200 && (method ?? one.method) === one.method);
const slowest = () =>
  seconds(Math.max(...asking.soFar().map(({ method, ms }) => (method === 'GET' ? ms : 0))));
const middle = (all: readonly number[]) =>
  [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
const idOn = async (host: SpreadFleet['three']) =>
  fleet.on(host, await fleet.hosts.list())[0]?.id ?? '';
const lost = () => `POSTs under way lost: ${failed('POST').length}, slowest GET ${slowest()}`;

async function comesBack(ids: readonly string[]): Promise<string> {
  const began = performance.now();
  const rows = await fleet.used(ids.length);
  const took = performance.now() - began;
  expect(rows.map(({ id }) => id).sort()).toEqual([...ids].sort());
  return seconds(took);
}

async function idsNow(): Promise<string[]> {
  return (await fleet.used(3)).map(({ id }) => id);
}

/** Nobody may send a POST twice that may have run. */
function expectOnlyPostsUnderWay(): void {
  const others = failed().filter(({ method, status }) => method !== 'POST' || status !== 502);
  expect(others).toEqual([]);
}

async function spawnAgain(): Promise<void> {
  const again = await fleet.three.run(['spawn', '--ready-timeout', '120', ...fleet.appFlags]);
  expect(again.code).toBe(0);
}

const cableForAMinute: Cut = {
  fault: 'a machine cut off for 60 s, its cable pulled, and back',
  expected: 'no GET fails; its servers are back with their ids; no keeper started anything',
  async run() {
    const { three } = fleet;
    const ids = await idsNow();
    three.pullCable();
    await passed(CUT_MS);
    expect(serversOf([three.home])).toHaveLength(1);
    three.plugIn();
    const back = await comesBack(ids);
    expectOnlyPostsUnderWay();
    return `back after ${back}; ${lost()}`;
  },
};

const destroyedMeanwhile: Cut = {
  fault: 'a server destroyed while its machine is cut off',
  expected: 'exit 5, the order stands: it leaves when the cable is back, and stays gone',
  async run() {
    const { one, three } = fleet;
    const id = await idOn(three);
    three.pullCable();
    const { code } = await one.run(['destroy', id, '--drain-timeout', '1']);
    expect(code).toBe(5);
    three.plugIn();
    const began = performance.now();
    await until('it has left', () => serversOf([three.home]).length === 0);
    const took = seconds(performance.now() - began);
    await fleet.used(2);
    await spawnAgain();
    expect(serversOf([three.home])).toHaveLength(1);
    expectOnlyPostsUnderWay();
    return `exit 5; gone ${took} after the cable was back; ${lost()}`;
  },
};

const noRedisOnOne: Cut = {
  fault: 'a machine that reaches Redis no more for 60 s, nor Redis it',
  expected: 'no request fails, its server is used all the time; verbs there exit 4',
  async run() {
    const { three, hosts } = fleet;
    const ids = await idsNow();
    const id = await idOn(three);
    const { address } = hosts.redis;
    three.filter({ input: `ip saddr ${address} drop`, output: `ip daddr ${address} drop` });
    expect((await three.run(['ls'])).code).toBe(4);
    await passed(CUT_MS);
    const state = (await hosts.list()).find((row) => row.id === id)?.state;
    expect(state).toBe('lost');
    const used = () => asking.soFar().filter(({ by }) => by === id).length;
    const before = used();
    await until('it is asked still', () => used() > before + 10);
    three.unfilter();
    const back = await comesBack(ids);
    expect(failed()).toEqual([]);
    return `used while \`lost\`; up again after ${back}; none failed`;
  },
};

const doorWithoutRedis: Cut = {
  fault: 'a door that reaches Redis no more for 60 s; a server is destroyed meanwhile',
  expected: 'no request fails at either door; the door is one again when Redis is back',
  async run() {
    const { one, two, three, hosts } = fleet;
    const id = await idOn(three);
    const { address } = hosts.redis;
    two.filter({ input: `ip saddr ${address} drop`, output: `ip daddr ${address} drop` });
    const began = performance.now();
    expect((await one.run(['destroy', id])).code).toBe(0);
    const took = seconds(performance.now() - began);
    await passed(CUT_MS - (performance.now() - began));
    two.unfilter();
    await fleet.used(2);
    await spawnAgain();
    await fleet.used(3);
    expectOnlyPostsUnderWay();
    return `destroyed in ${took}; ${lost()}`;
  },
};

const redisOff: Cut = {
  fault: 'the cable of Redis’ machine pulled for 60 s',
  expected: 'no request fails; the registry is whole soon after, with the same ids',
  async run() {
    const ids = await idsNow();
    fleet.hosts.redis.pullCable();
    await passed(CUT_MS);
    fleet.hosts.redis.plugIn();
    const back = await comesBack(ids);
    expect(failed()).toEqual([]);
    return `whole after ${back}; none failed`;
  },
};

const flaps: Cut = {
  fault: 'a machine that resets connections, second on, second off, ten times',
  expected: 'no GET fails; no POST runs twice',
  async run() {
    const ids = await idsNow();
    for (let at = 0; at < 10; at += 1) {
      fleet.three.filter({ input: 'tcp dport 3001-3999 reject with tcp reset' });
      await passed(SECOND);
      fleet.three.unfilter();
      await passed(SECOND);
    }
    await comesBack(ids);
    expectOnlyPostsUnderWay();
    return lost();
  },
};

const lossy: Cut = {
  fault: 'a machine whose line loses 5 % of packets and is slow, for 30 s',
  expected: 'no request fails, no lease runs out',
  async run() {
    const { three, hosts } = fleet;
    const ids = await idsNow();
    const rule = 'numgen random mod 100 < 5 drop';
    const id = await idOn(three);
    const slow = await three.slow(DELAY_MS);
    const fast = asking.soFar().length;
    three.filter({ input: rule, output: rule });
    const states = new Set<string>();
    const began = performance.now();
    await until('30 s have passed', async () => {
      for (const { state } of await hosts.list()) states.add(state);
      return performance.now() - began > 30 * SECOND;
    });
    three.unfilter();
    slow.end();
    const across = asking
      .soFar()
      .slice(fast)
      .filter(({ by }) => by === id);
    expect(middle(across.map(({ ms }) => ms))).toBeGreaterThan(2 * DELAY_MS);
    await comesBack(ids);
    expectOnlyPostsUnderWay();
    return `${[...states].join()}; ${lost()} (${DELAY_MS} ms either way, by ${slow.by})`;
  },
};

const otherFleet: Cut = {
  fault: 'a server of another fleet gets the address of one whose machine went off',
  expected: 'no request reaches it',
  async run() {
    const { three, on } = fleet;
    const [row] = on(three, await fleet.used(3));
    const stranger = await openStranger(fleet, row?.port ?? 0);
    three.pullCable();
    stranger.takeAddressOf(three);
    await passed(10 * SECOND);
    const reached = await stranger.requests();
    stranger.leave();
    three.plugIn();
    await fleet.used(3);
    await stranger.turnOff();
    expect(reached).toBe(0);
    expect(asking.soFar().filter(({ text }) => text === 'other')).toEqual([]);
    expectOnlyPostsUnderWay();
    return `none reached it; ${lost()}`;
  },
};

const cuts = [
  cableForAMinute,
  destroyedMeanwhile,
  noRedisOnOne,
  doorWithoutRedis,
  redisOff,
  flaps,
  lossy,
  otherFleet,
];

describe.runIf(isWanted)('between machines, nothing is lost but POSTs that were under way:', () => {
  for (const { fault, expected, run } of cuts) {
    test(fault, { timeout: LIMIT_MS }, async ({ task, skip }) => {
      const note = { expected, measured: '' };
      task.meta.chaos = note;
      if (!needs.network.isHere()) {
        task.meta.missing = needs.network.what;
        return skip(missing(needs.network.what));
      }
      await fleet.used(3);
      asking = fleet.ask(ASK_MS);
      await until('both doors are asked', () => asking.soFar().length > 20);
      note.measured = await run().finally(() => asking.stop());
      expectPeaceBetween();
    });
  }
});

function expectPeaceBetween(): void {
  const ran = fleet.ran();
  expect(new Set(ran).size).toBe(ran.length);
  for (const { child, said } of fleet.going) {
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    expect(said()).not.toMatch(UNCAUGHT);
  }
}
