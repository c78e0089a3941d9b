import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { hostPidOf } from '../helpers/machine.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import { type Asked, openSpreadFleet, type SpreadFleet } from '../helpers/spread-fleet.ts';
import { openStranger } from '../helpers/stranger.ts';
import { until } from '../helpers/until.ts';

const DOORS = 2;
const ASK_MS = 10;
const patiently = ['--ready-timeout', '120'];

let fleet: SpreadFleet;

beforeAll(async () => {
  if (needs.network.isHere()) fleet = await openSpreadFleet();
});
afterAll(() => fleet?.close());

const machineTest = (name: string, run: () => Promise<void>) => testWith(needs.network, name, run);

/** Asks both doors until `work` is done, and for so many requests more. */
async function askedDuring(work: () => Promise<unknown>, more = 40): Promise<readonly Asked[]> {
  const asking = fleet.ask(ASK_MS);
  await until('both doors are asked', () => asking.soFar().length > more);
  await work();
  const enough = asking.soFar().length + more;
  await until('both doors were asked again', () => asking.soFar().length > enough);
  return asking.stop();
}

const failed = (asked: readonly Asked[]) => asked.filter(({ status }) => status !== 200);
const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => id).sort();

describe('a fleet over three machines, two of them with one name', () => {
  machineTest('has one rotation at each door, over the servers of every machine', async () => {
    const rows = await fleet.used(3);
    expect(rows.map(({ host }) => host).sort()).toEqual(['single', 'twin', 'twin']);
    expect(new Set(rows.map(({ hostId }) => hostId)).size).toBe(3);
    const asked = await askedDuring(async () => {});
    expect(failed(asked)).toEqual([]);
    for (let door = 0; door < DOORS; door += 1) {
      const counts = rows.map(
        ({ id }) => asked.filter((one) => one.door === door && one.by === id).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  machineTest(
    'a server that another machine destroys leaves when both doors let it go',
    async () => {
      const { three, one, hosts, appFlags } = fleet;
      expect(await three.run(['spawn', ...patiently, ...appFlags])).toMatchObject({ code: 0 });
      const leaving = fleet.on(three, await fleet.used(4))[0]?.id ?? '';
      const monitor = await hosts.raw.monitor();
      const letGo = new Set<string>();
      let doorsBefore = 0;
      monitor.on('monitor', (_time: string, [command, key, what = '']: string[]) => {
        if (command === 'SADD' && key === `{meow}:acks:${leaving}`) letGo.add(what);
        const isGone = command === 'HDEL' && key === '{meow}:servers' && what === leaving;
        if (isGone) doorsBefore = letGo.size;
      });
      const asked = await askedDuring(async () => {
        expect(await one.run(['destroy', leaving])).toMatchObject({ code: 0 });
      });
      monitor.disconnect();
      expect(doorsBefore).toBe(2);
      expect(failed(asked)).toEqual([]);
      expect(idsOf(await fleet.used(3))).not.toContain(leaving);
    },
  );

  machineTest('each keeper starts again what died on its own machine alone', async () => {
    const [dead] = fleet.on(fleet.one, await fleet.used(3));
    process.kill(hostPidOf(dead?.id ?? ''), 'SIGKILL');
    const after = await until('another has its place', async () => {
      const rows = await fleet.hosts.list();
      return rows.length === 3 && !idsOf(rows).includes(dead?.id ?? '') ? rows : null;
    });
    expect(fleet.on(fleet.one, after)).toHaveLength(1);
    expect(fleet.going.map(({ said }) => said().includes('died'))).toEqual([true, false, false]);
    await fleet.used(3);
  });

  // What is dropped for both doors at once is below, where a cable is pulled.
  const cuts = [
    ['resets all connections of', 'ip saddr %s ip protocol tcp reject with tcp reset'],
    ['drops all that comes from', 'ip saddr %s drop'],
  ] as const;
  for (const [does, rule] of thorough ? cuts : cuts.slice(0, 1)) {
    machineTest(`a machine that ${does} one door is out there, and used by the other`, async () => {
      const { two, three } = fleet;
      const [cut] = fleet.on(three, await fleet.used(3));
      const verdicts = async () =>
        ((await fleet.hosts.list()).find(({ id }) => id === cut?.id)?.doors ?? []).join();
      const asked = await askedDuring(async () => {
        three.filter({ input: rule.replace('%s', two.address) });
        await until('one door does without it', async () => (await verdicts()).includes('out'));
      });
      expect(await verdicts()).toMatch(/usable/);
      three.unfilter();
      await fleet.used(3);
      expect(onlyPostsUnderWay(failed(asked))).toBe(true);
      expect(failed(asked).every(({ door }) => door === 1)).toBe(true);
      expect(asked.some(({ door, by }) => door === 0 && by === cut?.id)).toBe(true);
      expectNoneTwice();
    });
  }

  machineTest('a machine whose cable was pulled comes back with what ran on it', async () => {
    const { three, going } = fleet;
    const before = await fleet.used(3);
    const [cut] = fleet.on(three, before);
    const asked = await askedDuring(async () => {
      three.pullCable();
      await until('its lease has run out', async () =>
        (await fleet.hosts.list()).some(({ id, state }) => id === cut?.id && state === 'lost'),
      );
      three.plugIn();
      expect(idsOf(await fleet.used(3))).toEqual(idsOf(before));
    });
    expect(onlyPostsUnderWay(failed(asked))).toBe(true);
    expect(going[2]?.said()).not.toContain('died');
    expectNoneTwice();
  });

  machineTest('no request reaches a server of another fleet at the address of ours', async () => {
    const { three } = fleet;
    const [ours] = fleet.on(three, await fleet.used(3));
    const stranger = await openStranger(fleet, ours?.port ?? 0);
    const asked = await askedDuring(async () => {
      three.pullCable();
      stranger.takeAddressOf(three);
      await until('both doors do without it', async () => {
        const seen = (await fleet.hosts.list()).find(({ id }) => id === ours?.id)?.doors;
        return seen?.length === DOORS && seen.every((word) => word.startsWith('out'));
      });
    }, 200);
    const known = await stranger.requests();
    stranger.leave();
    three.plugIn();
    await fleet.used(3);
    await stranger.turnOff();
    expect([known, asked.filter(({ text }) => text === 'other')]).toEqual([0, []]);
    expect(onlyPostsUnderWay(failed(asked))).toBe(true);
  });
});

/** Nobody may send such a one twice. */
function onlyPostsUnderWay(lost: readonly Asked[]): boolean {
  return lost.every(({ method, status }) => method === 'POST' && status === 502);
}

function expectNoneTwice(): void {
  const ran = fleet.ran();
  expect(ran.length).toBeGreaterThan(0);
  expect(new Set(ran).size).toBe(ran.length);
}
