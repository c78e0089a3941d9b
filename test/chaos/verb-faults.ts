import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { finish } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { keepAsking } from './load.ts';
import type { Scenario } from './scenario.ts';
import { seconds } from './server-faults.ts';
import { strangerOn } from './stranger.ts';

const MANY = 50;

const manySpawns: Scenario = {
  fault: '50 spawns at once, from 50 terminals',
  expected: '50 exits 0, ports, records and processes',
  quick: false,
  async run({ site, servers }) {
    const began = performance.now();
    const runs = Array.from({ length: MANY }, () => site.run(['spawn', '-q', '--timeout', '60']));
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

const portStolen: Scenario = {
  fault: 'port stolen between spawns: a stranger takes the port of a server that died',
  expected:
    'no request reaches the stranger; spawn goes elsewhere, with --port exits 1; destroy exits 0',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const [dead, ...rest] = await world.spawn(['3']);
    if (!dead) throw new Error('no server');
    await world.used();
    const load = keepAsking(door.url);
    await until('load', () => load.good() > 100);
    process.kill(dead.pid, 'SIGKILL');
    const stranger = await until('the port is free', () =>
      strangerOn(dead.port, world).catch(() => null),
    );
    const [next] = await world.spawn();
    expect(next?.port).not.toBe(dead.port);
    const fixed = await world.site.run(['spawn', '--port', String(dead.port)]);
    expect([fixed.code, fixed.stderr]).toEqual([
      1,
      expect.stringContaining(`${dead.port} is in use`),
    ]);
    const { code } = await world.site.run(['destroy', dead.id]);
    expect(code).toBe(0);
    await world.used([...rest, ...(next ? [next] : [])]);
    const { failures, sent } = await load.stop();
    expect([failures, stranger.asked()]).toEqual([[], []]);
    return `0 of ${sent} failed, 0 reached the stranger; exits 0, 1 and 0`;
  },
};

const portOfLast: Scenario = {
  fault: 'the only server dies, and a stranger takes its port',
  expected: 'the door says 503 and never asks the stranger, though it has nobody else',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const [dead] = await world.spawn();
    await world.used();
    process.kill(dead?.pid ?? 0, 'SIGKILL');
    await until('the door has found the port empty', async () => {
      const { status } = await fetch(door.url);
      const [row] = await world.site.list();
      return status === 503 && row?.doors[0]?.startsWith('out');
    });
    const stranger = await strangerOn(dead?.port ?? 0, world);
    const load = keepAsking(door.url, { workers: 2 });
    await until('its lease ran out', async () => (await world.site.list())[0]?.state === 'lost');
    const { failures, sent } = await load.stop();
    expect([stranger.asked().length, failures.length]).toEqual([0, sent]);
    expect(new Set(failures)).toEqual(new Set(['503']));
    return `503 for all of ${sent}, 0 reached the stranger`;
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
  quick: true,
  async run(world) {
    const door = await world.openDoor();
    const [one, ...rest] = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(door.url);
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
      const destroyed = await site.run(['destroy', '--all', '--timeout', '2']);
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
      expect((await site.run(['destroy', '--all', '--timeout', '2'])).code).toBe(0);
      expect(servers()).toEqual([]);
    }
    return `exits 0; left and listed: ${seen.join(' ')}; none after a second one`;
  },
};

const destroyOneMoment: Scenario = {
  fault: '`destroy --all` while `spawn 6` is half done',
  expected: destroyDuringSpawn.expected,
  quick: true,
  async run({ site, raw, servers }) {
    const spawning = finish(site.start(['spawn', '6', '-q']));
    await until('some serve', async () => (await raw.hlen('{meow}:servers')) >= 2);
    const destroyed = await site.run(['destroy', '--all', '--timeout', '2']);
    const spawned = await spawning;
    expect([destroyed.code, [0, 5].includes(spawned.code ?? -1)]).toEqual([0, true]);
    return `exits ${destroyed.code} and ${spawned.code}; ${servers().length} left, all listed`;
  },
};

export const verbFaults: readonly Scenario[] = [
  manySpawns,
  oneSpawn,
  portStolen,
  portOfLast,
  samePort,
  fiveTerminals,
  destroyOneMoment,
  destroyDuringSpawn,
];
