import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { finish } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, seconds } from './scenario.ts';

const MANY = 50;

const manySpawns: Scenario = {
  fault: '50 spawns at once, from 50 terminals',
  expected: '50 exits 0, ports, records and processes',
  quick: false,
  async run({ site, servers }) {
    const began = performance.now();
    const runs = Array.from({ length: MANY }, () =>
      site.run(['spawn', '-q', '--ready-timeout', '60']),
    );
    const results = await Promise.all(runs);
    const tookMs = performance.now() - began;
    const trouble = results.map(({ code, stderr }) => [code, stderr]);
    expect(trouble).toEqual(Array.from({ length: MANY }, () => [0, '']));
    const rows = await site.list();
    expect(new Set(rows.map(({ port }) => port)).size).toBe(MANY);
    expect(
      rows
        .filter(({ state }) => state === 'up')
        .map(({ pid }) => pid)
        .sort(),
    ).toEqual(servers().sort());
    return `${MANY} exits 0, ${rows.length} ports and processes, ${seconds(tookMs)}`;
  },
};

const oneSpawn: Scenario = {
  fault: '50 spawns at once, by one command',
  expected: '50 ports, records and processes; a few at a time',
  quick: false,
  async run(world) {
    const began = performance.now();
    const rows = await world.spawn([String(MANY)]);
    const tookMs = performance.now() - began;
    expect(new Set(rows.map(({ port }) => port)).size).toBe(MANY);
    expect(rows.map(({ pid }) => pid).sort()).toEqual(world.servers().sort());
    return `${rows.length} ports and processes, ${seconds(tookMs)}`;
  },
};

const samePort: Scenario = {
  fault: 'spawn of one fixed port from five terminals',
  expected: 'one exits 0, four exit 1 with the port; one process',
  quick: false,
  async run({ site, servers }) {
    const port = String(await freePort());
    const runs = Array.from({ length: 5 }, () => site.run(['spawn', '--port', port]));
    const results = await Promise.all(runs);
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1, 1]);
    await until('one process', () => servers().length === 1);
    return 'exits 0 1 1 1 1, one process';
  },
};

const fiveTerminals: Scenario = {
  fault: 'destroy of the same server from five terminals, under load',
  expected: 'exits 0 or 3, at least one 0; one server less; 0 failed',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const [one, ...rest] = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 100);
    const runs = Array.from({ length: 5 }, () => world.site.run(['destroy', one?.id ?? '']));
    const codes = (await Promise.all(runs)).map(({ code }) => code);
    const { failures, sent } = await load.stop();
    expect(codes).toContain(0);
    expect(codes.filter((code) => code !== 0 && code !== 3)).toEqual([]);
    expect(failures).toEqual([]);
    expect((await world.site.list()).map(({ id }) => id).sort()).toEqual(
      rest.map(({ id }) => id).sort(),
    );
    return `exits ${codes.join(' ')}; 0 of ${sent} failed`;
  },
};

const destroyDuringSpawn: Scenario = {
  fault: '`destroy --all` at eight moments of `spawn 6`',
  expected: 'destroy exits 0, spawn 0 or 5; what runs afterwards is listed, the rest is gone',
  quick: false,
  async run(world) {
    const { site, servers } = world;
    const seen: string[] = [];
    for (let moment = 0; moment < 8; moment += 1) {
      const spawning = finish(site.start(['spawn', '6', '-q']));
      await pause(150 * moment);
      const destroyed = await site.run(['destroy', '--all', '--drain-timeout', '2']);
      const spawned = await spawning;
      expect([destroyed.code, [0, 5].includes(spawned.code ?? -1)]).toEqual([0, true]);
      await until('what runs is listed', async () => {
        const up = (await site.list()).filter(({ state }) => state === 'up');
        return (
          up
            .map(({ pid }) => pid)
            .sort()
            .join() === servers().sort().join()
        );
      });
      seen.push(`${servers().length}`);
      expect((await site.run(['destroy', '--all', '--drain-timeout', '2'])).code).toBe(0);
      expect(servers()).toEqual([]);
    }
    return `exits 0; left and listed: ${seen.join(' ')}; none after a second one`;
  },
};

const destroyOneMoment: Scenario = {
  fault: '`destroy --all` while `spawn 6` is half done',
  expected: destroyDuringSpawn.expected,
  quick: false,
  async run({ site, raw, servers }) {
    const spawning = finish(site.start(['spawn', '6', '-q']));
    await until('some serve', async () => (await raw.hlen('{meow}:servers')) >= 2);
    const destroyed = await site.run(['destroy', '--all', '--drain-timeout', '2']);
    const spawned = await spawning;
    expect([destroyed.code, [0, 5].includes(spawned.code ?? -1)]).toEqual([0, true]);
    return `exits ${destroyed.code} and ${spawned.code}; ${servers().length} left, all listed`;
  },
};

export const verbFaults: readonly Scenario[] = [
  manySpawns,
  oneSpawn,
  samePort,
  fiveTerminals,
  destroyOneMoment,
  destroyDuringSpawn,
];
