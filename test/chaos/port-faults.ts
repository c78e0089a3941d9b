import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import type { Scenario } from './scenario.ts';
import { strangerOn } from './stranger.ts';

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
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 100);
    process.kill(dead.pid, 'SIGKILL');
    await until('the door has found the port empty', async () => {
      const row = (await world.site.list()).find(({ id }) => id === dead.id);
      return row?.doors[0]?.startsWith('out');
    });
    const stranger = await strangerOn(dead.port, world);
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
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    await until('the door has found the port empty', async () => {
      const { status } = await fetch(door.url);
      const [row] = await world.site.list();
      return status === 503 && row?.doors[0]?.startsWith('out');
    });
    const stranger = await strangerOn(dead?.port ?? 0, world);
    const load = keepAsking(`${door.url}/test`, { workers: 2 });
    await until('its lease ran out', async () => (await world.site.list())[0]?.state === 'lost');
    const { failures, sent } = await load.stop();
    expect([stranger.asked().length, failures.length]).toEqual([0, sent]);
    expect(new Set(failures)).toEqual(new Set(['503']));
    return `503 for all of ${sent}, 0 reached the stranger`;
  },
};

const portSnatched: Scenario = {
  fault: 'a stranger takes the port of one of three servers in the moment it dies, the door idle',
  expected: '2 s later at the latest the stranger gets no request, though the lease still runs',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const [dead] = await world.spawn(['3']);
    await world.used();
    for (let at = 0; at < 12; at += 1) await (await fetch(door.url)).text();
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    const stranger = await until('the port is free', () =>
      strangerOn(dead?.port ?? 0, world).catch(() => null),
    );
    const began = performance.now();
    const load = keepAsking(`${door.url}/test`);
    await until('2 s', () => performance.now() - began > 2_000);
    const asked = stranger.asked().length;
    const before = load.good();
    await until('load', () => load.good() > before + 1_000);
    expect(stranger.asked().length).toBe(asked);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    return `${asked} of ${sent} reached the stranger, none after 2 s; 0 failed`;
  },
};

export const portFaults: readonly Scenario[] = [portStolen, portOfLast, portSnatched];
