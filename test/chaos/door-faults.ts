import { expect } from 'vitest';
import { keepAsking } from '../helpers/load.ts';
import { until } from '../helpers/until.ts';
import { against, type Scenario, seconds } from './scenario.ts';
import type { World } from './world.ts';

const twoDoors: Scenario = {
  fault: 'two doors under load and one drain',
  expected: 'both doors acknowledge; 0 failed on either',
  quick: false,
  async run(world) {
    const doors = [await world.openDoor(), await world.openDoor()];
    const [leaving] = await world.spawn(['3']);
    await world.used();
    const acks = new Set<string>();
    const monitor = await world.raw.monitor();
    monitor.on('error', () => {}); // its Redis ends with the world
    world.atEnd(() => monitor.disconnect());
    monitor.on('monitor', (_time: string, [verb, key, door]: string[]) => {
      const isAck = verb?.toLowerCase() === 'sadd' && key === `{meow}:acks:${leaving?.id}`;
      if (isAck && door) acks.add(door);
    });
    const loads = doors.map(({ url }) => keepAsking(`${url}/test`));
    await until('load', () => loads.every((load) => load.good() > 200));
    const began = performance.now();
    const { code } = await world.site.run(['destroy', leaving?.id ?? '']);
    const tookMs = performance.now() - began;
    const ends = await Promise.all(loads.map((load) => load.stop()));
    expect([code, ends.flatMap(({ failures }) => failures)]).toEqual([0, []]);
    expect(acks.size).toBe(2);
    const sent = ends.map((end) => end.sent).join(' and ');
    return `${acks.size} acknowledgements; 0 of ${sent} failed; exit 0 after ${seconds(tookMs)}`;
  },
};

const killedDoor: Scenario = {
  fault: 'door kill -9 under load, and started again on its port',
  expected: 'servers untouched, serving ≤ 1.5 s; the other door loses nothing',
  quick: false,
  async run(world) {
    const [door, other] = [await world.openDoor(), await world.openDoor()];
    const rows = await world.spawn(['3']);
    await world.used();
    const [its, others] = [keepAsking(`${door.url}/test`), keepAsking(`${other.url}/test`)];
    await until('load', () => its.good() > 200 && others.good() > 200);
    await door.kill();
    await its.stop();
    const began = performance.now();
    const again = await world.openDoor({ port: door.port });
    await until('it serves', async () => (await fetch(`${again.url}/test`)).status === 200);
    const tookMs = performance.now() - began;
    const served = new Set<string | null>();
    for (let at = 0; at < rows.length; at += 1) {
      served.add((await fetch(`${again.url}/test`)).headers.get('x-served-by'));
    }
    const { failures, sent } = await others.stop();
    expect(failures).toEqual([]);
    expect([served.size, world.servers().sort()]).toEqual([3, rows.map(({ pid }) => pid).sort()]);
    return `serving ${against(tookMs, 1_500)} after its start by all 3; the other: 0 of ${sent} failed`;
  },
};

const deadDoorDrain: Scenario = {
  fault: 'a drain while a door that was killed -9 still has its lease',
  expected: 'the drain waits for it 3 s, no longer; exit 0; 0 failed at the other door',
  quick: false,
  async run(world) {
    const [door, other] = [await world.openDoor(), await world.openDoor()];
    const [leaving] = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(`${other.url}/test`);
    await door.kill();
    const began = performance.now();
    const { code } = await world.site.run(['destroy', leaving?.id ?? '']);
    const tookMs = performance.now() - began;
    const { failures, sent } = await load.stop();
    expect([code, failures]).toEqual([0, []]);
    return `exit 0 after ${against(tookMs, 5_000)}; 0 of ${sent} failed`;
  },
};

const stoppedDoor: Scenario = {
  fault: 'one of two doors SIGSTOPped for 8 s under load, a drain meanwhile',
  expected:
    'drain exits 0, the other loses nothing; after SIGCONT the first serves, without the one that left',
  quick: false,
  async run(world) {
    const [door, other] = [await world.openDoor(), await world.openDoor()];
    const [leaving, ...rest] = await world.spawn(['3']);
    await world.used();
    const load = keepAsking(`${other.url}/test`);
    door.child.kill('SIGSTOP');
    const began = performance.now();
    const { code } = await world.site.run(['destroy', leaving?.id ?? '']);
    expect(code).toBe(0);
    await until('its lease ran out', async () => (await leases(world)) === 1);
    const pausedMs = performance.now() - began;
    door.child.kill('SIGCONT');
    const after = keepAsking(`${door.url}/test`);
    await world.used(rest);
    const [one, two] = [await after.stop(), await load.stop()];
    expect([one.failures, two.failures]).toEqual([[], []]);
    return `paused ${seconds(pausedMs)}; drain exit 0; 0 of ${one.sent} and ${two.sent} failed`;
  },
};

/** How many doors have a lease that runs: what they said last stays longer. */
async function leases({ raw }: World): Promise<number> {
  const [seconds] = (await raw.time()) as unknown as [string];
  return raw.zcount('{meow}:doors', Number(seconds) * 1_000, '+inf');
}

export const doorFaults: readonly Scenario[] = [twoDoors, killedDoor, deadDoorDrain, stoppedDoor];
