import { expect } from 'vitest';
import { finish } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { clockFaults } from './clock-faults.ts';
import { folderFaults } from './folder-faults.ts';
import { pidFaults } from './pid-faults.ts';
import { type Scenario, seconds } from './scenario.ts';
import { bystander, isUnharmed, strangerOn } from './stranger.ts';
import type { World } from './world.ts';

const PID_OF_NOBODY = 4_194_000;

/** Rewrites what is left in Redis as if it were of an earlier boot. */
async function asOfEarlierBoot({ raw }: World, pids: ReadonlyMap<string, number>): Promise<void> {
  for (const key of ['{meow}:servers', '{meow}:intents']) {
    for (const [id, text] of Object.entries(await raw.hgetall(key))) {
      const said = JSON.parse(text) as object;
      const pid = pids.get(id) ?? PID_OF_NOBODY;
      await raw.hset(key, id, JSON.stringify({ ...said, bootId: 'an-earlier-boot', pid }));
      await raw.zadd('{meow}:leases', 1, id);
    }
  }
}

/** Three servers and a door, all killed; Redis lives and knows nothing of it. */
async function rebooted(world: World) {
  const door = await world.openDoor();
  const rows = await world.spawn(['3']);
  await world.used();
  for (const pid of [...world.servers()]) process.kill(pid, 'SIGKILL');
  await door.kill();
  await until('all are dead', () => world.servers().length === 0);
  const victim = bystander(world);
  await asOfEarlierBoot(world, new Map([[rows[0]?.id ?? '', victim.pid]]));
  const stranger = await strangerOn(rows[1]?.port ?? 0, world);
  return { rows, victim, stranger };
}

const comesBack: Scenario = {
  fault: 'machine rebooted: all dead, a stale registry, a pid recycled, a port taken; then `up`',
  expected:
    'the three come back with new ids; no signal to the new owner of the pid, no request to that of the port',
  quick: false,
  async run(world) {
    const { rows, victim, stranger } = await rebooted(world);
    const [port, admin] = [await freePort(), await freePort()];
    const flags = ['--port', String(port), '--admin-port', String(admin)];
    const began = performance.now();
    const up = world.site.start(['up', ...flags]);
    const ended = finish(up);
    const old = new Set(rows.map(({ id }) => id));
    const back = await until('three serve again', async () => {
      const now = (await world.site.list()).filter(({ doors }) => doors.includes('usable'));
      return now.filter(({ id }) => !old.has(id)).length === 3 ? now : null;
    });
    const tookMs = performance.now() - began;
    for (let at = 0; at < 30; at += 1) {
      expect((await fetch(`http://127.0.0.1:${port}/test`)).status).toBe(200);
    }
    expect((await world.raw.hkeys('{meow}:intents')).sort()).toEqual(
      back.map(({ id }) => id).sort(),
    );
    up.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect([isUnharmed(victim), stranger.asked()]).toEqual([true, []]);
    return `three new ones serve after ${seconds(tookMs)}; bystander alive, stranger not asked`;
  },
};

const cleanedUp: Scenario = {
  fault: 'machine rebooted likewise; then a door, ls, destroy and spawn',
  expected:
    'the door says 503, ls `lost`; destroy of each exits 0 and signals nobody; spawn serves',
  quick: true,
  async run(world) {
    const { rows, victim, stranger } = await rebooted(world);
    const door = await world.openDoor();
    for (let at = 0; at < 20; at += 1) expect((await fetch(door.url)).status).toBe(503);
    const states = (await world.site.list()).map(({ state }) => state);
    expect(states).toEqual(['lost', 'lost', 'lost']);
    const runs = rows.map(({ id }) => world.site.run(['destroy', id, '--drain-timeout', '1']));
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0, 0]);
    await world.used(await world.spawn(['2']));
    expect((await fetch(door.url)).status).toBe(200);
    expect([isUnharmed(victim), stranger.asked()]).toEqual([true, []]);
    return '20 × 503; lost × 3; exits 0 0 0; bystander alive, stranger not asked; then 200';
  },
};

const twiceUp: Scenario = {
  fault: '`up` and a server of it kill -9 at once, `up` started again',
  expected: 'the fleet is whole again: old survivors and one new, no more, no less',
  quick: false,
  async run(world) {
    const [port, admin] = [await freePort(), await freePort()];
    const flags = ['up', '--port', String(port), '--admin-port', String(admin)];
    const serving = async () => (await world.site.list()).filter(({ state }) => state === 'up');
    const up = world.site.start([...flags, '-n', '3']);
    const rows = await until('three', async () => {
      const now = await serving();
      return now.length === 3 && now;
    });
    up.kill('SIGKILL');
    process.kill(rows[0]?.pid ?? Number.NaN, 'SIGKILL');
    await finish(up);
    const began = performance.now();
    const again = world.site.start(flags);
    const ended = finish(again);
    // Before it says so it is still starting, and a signal then is exit 130.
    let said = '';
    again.stderr?.on('data', (text) => {
      said += text;
    });
    const old = new Set(rows.map(({ id }) => id));
    await until('whole', async () => {
      const used = (await serving()).filter(({ doors }) => doors.includes('usable'));
      return used.filter(({ id }) => !old.has(id)).length === 1 && used.length >= 3;
    });
    const tookMs = performance.now() - began;
    await until('three', () => world.servers().length === 3);
    await until('it says that all is up', () => said.includes('Ctrl-C'));
    again.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    return `three serve after ${seconds(tookMs)}, one of them new`;
  },
};

export const machineFaults: readonly Scenario[] = [
  ...pidFaults,
  ...folderFaults,
  ...clockFaults,
  comesBack,
  cleanedUp,
  twiceUp,
];
