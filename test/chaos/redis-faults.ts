import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { cutVerbs } from './cut-verbs.ts';
import { against, type Scenario } from './scenario.ts';

const KEPT = ['--appendonly', 'yes', '--appendfsync', 'always'];

const emptied: Scenario = {
  fault: 'Redis kill -9 under load, back empty on its port after 1 s',
  expected:
    'all records and desired servers back ≤ 5 s; same pids; 0 of the routes without Redis failed',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const rows = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    await world.site.redis.kill('SIGKILL');
    const down = await fetch(`${door.url}/get`);
    const verb = await world.site.run(['ls']);
    expect([down.status, verb.code]).toEqual([503, 4]);
    const before = load.good();
    await until('load without Redis', () => load.good() > before + 1_000);
    await world.site.redis.restart();
    const began = performance.now();
    await until('complete', async () => {
      const counts = await Promise.all(['servers', 'intents'].map((key) => count(world.raw, key)));
      return counts.every((each) => each === 3);
    });
    const tookMs = performance.now() - began;
    await world.used(rows);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    expect((await world.site.list()).map(({ pid }) => pid).sort()).toEqual(world.servers().sort());
    return `complete after ${against(tookMs, 5_000)}; 0 of ${sent} failed; /get 503, ls exit 4 meanwhile`;
  },
};

const count = (raw: { hlen(key: string): Promise<number> }, key: string) =>
  raw.hlen(`{meow}:${key}`).catch(() => 0);

const emptiedDuringDestroy: Scenario = {
  fault: 'Redis emptied while `destroy` waits for a server',
  expected: 'the order is written again; gone, exit 0; its desired server does not come back',
  quick: false,
  async run({ spawn, site, raw, servers }) {
    const [leaving, stays] = await spawn(['2']);
    const destroying = site.run(['destroy', leaving?.id ?? '']);
    await until('ordered', () => raw.exists(`{meow}:orders:${leaving?.id}`).then(Boolean));
    await raw.flushall();
    const { code } = await destroying;
    expect([code, servers()]).toEqual([0, [stays?.pid]]);
    await until('the other is back', async () => (await raw.hkeys('{meow}:intents')).length === 1);
    expect(await raw.hkeys('{meow}:intents')).toEqual([stays?.id]);
    return 'exit 0; one process, one desired server';
  },
};

const cut: Scenario = {
  fault: 'Redis killed in the middle of each verb, at eight moments',
  expected: 'exit 0 with all done, or 4 ≤ 3 s after; no server unlisted, no picture lost',
  quick: false,
  redisArgs: KEPT,
  run: cutVerbs,
};

export const redisFaults: readonly Scenario[] = [emptied, emptiedDuringDestroy, cut];
