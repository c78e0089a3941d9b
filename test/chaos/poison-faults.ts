import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import type { Scenario } from './scenario.ts';

const FRAIL = `export default (request, response) => {
  if (request.url === '/exit') process.exit(3);
  if (request.url === '/abort') process.abort();
  response.end('fine');
};`;

const poisoned: Scenario = {
  fault: 'a GET that kills its server, four times, five servers',
  expected: 'at most 5 deaths (8 if each were repeated); ls names it',
  quick: false,
  async run(world) {
    const app = join(world.site.home, 'frail.mjs');
    writeFileSync(app, FRAIL);
    const deaths: number[] = [];
    const door = await world.openDoor();
    for (const path of ['/exit', '/abort']) {
      await world.spawn(['5', '--app', app]);
      await world.used();
      const ids = world.servers();
      for (let at = 0; at < 4; at += 1) expect((await fetch(door.url + path)).status).toBe(502);
      const alive = () => world.servers().filter((pid) => ids.includes(pid)).length;
      deaths.push(5 - alive());
      await until('ls names it', async () =>
        (await world.site.run(['ls'])).stderr.includes(`GET ${path} is poison`),
      );
      await world.site.run(['destroy', '--all', '--drain-timeout', '1']);
    }
    expect(Math.max(...deaths)).toBeLessThanOrEqual(5);
    return `${deaths.join(' and ')} deaths of 5`;
  },
};

const killedTwice: Scenario = {
  fault: 'kill -9 of two of four servers within 60 s, under load on one single target',
  expected: '0 failed: answers in between clear it',
  quick: false,
  async run(world) {
    const door = await world.openDoor();
    const rows = await world.spawn(['4']);
    await world.used();
    const load = keepAsking(`${door.url}/test`, { workers: 16 });
    for (const { pid } of rows.slice(0, 2)) {
      const before = load.good();
      await until('load', () => load.good() > before + 1_000);
      process.kill(pid, 'SIGKILL');
    }
    const before = load.good();
    await until('load', () => load.good() > before + 1_000);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    return `0 of ${sent} failed`;
  },
};

export const poisonFaults: readonly Scenario[] = [poisoned, killedTwice];
