import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, Skipped } from './scenario.ts';
import type { World } from './world.ts';

/** A small file system in place of the state folder. */
function mountOn(world: World, size: string): void {
  const { home } = world.site;
  const { status } = spawnSync('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${size},mode=700`,
    'none',
    home,
  ]);
  if (status !== 0) throw new Skipped('the right to mount a tmpfs');
  // Servers that still have files there are ended before the site's folder is removed.
  // Twice where it is covered by a read-only one.
  world.atEnd(() => [0, 1].map(() => spawnSync('umount', ['-l', home])));
}

/** What is open for writing stays so, as nobody may make that read-only: it is covered instead. */
function coverReadOnly({ home }: { readonly home: string }): void {
  for (const how of [
    ['--bind', home, home],
    ['-o', 'remount,bind,ro', home],
  ]) {
    expect(spawnSync('mount', how).status).toBe(0);
  }
}

const readOnly: Scenario = {
  fault: 'state folder becomes read-only under a running fleet',
  expected:
    'servers and door serve on; spawn exits 1 naming the folder, nothing started; destroy exits 0',
  quick: true,
  async run(world) {
    const { site, servers } = world;
    mountOn(world, '8m');
    const door = await world.openDoor();
    const [one] = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    coverReadOnly(site);
    const { code, stdout, stderr } = await site.run(['spawn']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^meowctl: [^\n]+\n {2}[^\n]+\n$/);
    expect(stderr).toContain(site.home);
    expect(servers().length).toBe(3);
    expect((await site.run(['destroy', one?.id ?? ''])).code).toBe(0);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    expect(spawnSync('umount', [site.home]).status).toBe(0);
    await world.used(await world.spawn());
    return `0 of ${sent} failed; spawn exit 1, one line; destroy exit 0; spawn works once writable`;
  },
};

const full: Scenario = {
  fault: 'disk of the state folder fills up under a running fleet',
  expected:
    'servers and door serve on; spawn serves or exits 1 or 5 with a reason; destroy exits 0',
  quick: false,
  async run(world) {
    const { site } = world;
    mountOn(world, '1m');
    const door = await world.openDoor();
    const [one] = await world.spawn(['3']);
    await world.used();
    const filler = join(site.home, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(2 ** 21))).toThrow('ENOSPC');
    const load = keepAsking(`${door.url}/test`);
    await until('load', () => load.good() > 500);
    const spawned = await site.run(['spawn']);
    expect([0, 1, 5]).toContain(spawned.code);
    if (spawned.code !== 0) expect(spawned.stderr).toMatch(/^meowctl: .*\n {2}\S/);
    expect((await site.run(['destroy', one?.id ?? ''])).code).toBe(0);
    const { failures, sent } = await load.stop();
    expect(failures).toEqual([]);
    rmSync(filler);
    await world.used(await world.spawn());
    return `0 of ${sent} failed; spawn exit ${spawned.code}; destroy exit 0`;
  },
};

const removed: Scenario = {
  fault: 'state folder removed under a running fleet',
  expected: 'servers and door serve on; spawn makes it again, exit 0; destroy exits 0',
  quick: false,
  async run(world) {
    const { site } = world;
    const door = await world.openDoor();
    const [one] = await world.spawn(['2']);
    await world.used();
    const load = keepAsking(`${door.url}/test`);
    rmSync(site.home, { recursive: true });
    const run = { cwd: '/' };
    const spawned = await site.run(['spawn'], run);
    expect(spawned.code).toBe(0);
    const { code } = await site.run(['destroy', one?.id ?? ''], run);
    const { failures, sent } = await load.stop();
    expect([code, failures]).toEqual([0, []]);
    return `0 of ${sent} failed; exits 0 and 0`;
  },
};

export const folderFaults: readonly Scenario[] = [readOnly, full, removed];
