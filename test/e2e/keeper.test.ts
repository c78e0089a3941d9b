import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import type { FleetEvent } from '../../src/model/event.ts';
import { answering, type FleetSite, type Going, openFleetSite } from '../helpers/fleet-site.ts';
import { until } from '../helpers/until.ts';

let site: FleetSite;

beforeAll(async () => {
  site = await openFleetSite();
});
afterAll(() => site.close());

const kill = ({ pid }: Pick<Row, 'pid'>) => process.kill(pid, 'SIGKILL');

describe('a keeper of four servers', () => {
  let keeper: Going;
  let fleet: readonly Row[];

  beforeAll(async () => {
    fleet = await site.spawn('4');
    keeper = await site.keep();
  });
  afterAll(() => site.clear());

  const nth = (at: number) => fleet[at] as Row;

  // Servers of other test files look for ports in the same place, so it may be gone once or twice.
  test('starts one again that was killed: new id, one desired server, on its port when that is free', async () => {
    let server = nth(0);
    let deaths = 0;
    const before = await site.desiredServers();
    await until('the port is the same', async () => {
      const dead = server;
      const rows = await site.list();
      kill(dead);
      deaths += 1;
      server = await site.newcomer(rows);
      return server.port === dead.port;
    });
    const { restarts } = (await site.list()).find(({ id }) => id === server.id) ?? {};
    expect(restarts).toBe(deaths);
    const told = async () => (await site.list()).find(({ id }) => id === server.id)?.figures;
    await until('it says so itself', async () => (await told())?.restarts === deaths);
    expect(await told()).toMatchObject({ rss: expect.any(Number), heap: expect.any(Number) });
    const others = before.map(({ id }) => id).filter((id) => id !== nth(0).id);
    expect((await site.desiredServers()).map(({ id }) => id).sort()).toEqual(
      [...others, server.id].sort(),
    );
  });

  test('leaves alone what was destroyed or stopped', async () => {
    const stateOf = async (id: string) =>
      (await site.desiredServers()).find((desired) => desired.id === id)?.state;
    const before = await site.list();
    await site.call(['destroy', nth(1).id]);
    process.kill(nth(2).pid, 'SIGTERM');
    await until('it has stopped', async () => (await stateOf(nth(2).id)) === 'stopped');
    await site.rounds(3);
    const gone = new Set([nth(1).id, nth(2).id]);
    const stay = before.map(({ id }) => id).filter((id) => !gone.has(id));
    expect((await site.liveNow()).map(({ id }) => id).sort()).toEqual(stay.sort());
    expect(await stateOf(nth(1).id)).toBeUndefined();
  });

  test('says so when the state folder cannot be used, and goes on when it can', async () => {
    const before = await site.list();
    chmodSync(site.home, 0o777);
    kill(nth(3));
    await until('it says so', () => keeper.said().includes('everybody may write to it'));
    chmodSync(site.home, 0o700);
    await site.newcomer(before);
    expect(keeper.said()).not.toMatch(/^ +at /m);
  });

  test('gives up one that dies at every start; restart tries it again', async () => {
    const app = site.write('brittle.mjs', answering('fine'));
    const server = await site.spawnOne('--app', app);
    const dying = 'console.error("last words"); setTimeout(() => process.exit(7), 50);';
    site.write('brittle.mjs', `${answering('fine')}${dying}`);
    kill(server);
    const isCrashed = ({ state }: { state: string }) => state === 'crashed';
    await until('it is given up', () => keeper.said().includes('it is left alone until'));
    const crashed = await until('it is known', async () =>
      (await site.desiredServers()).find(isCrashed),
    );
    const { stdout, stderr } = await site.call(['ls']);
    expect(stdout).toContain('crashed');
    expect(stderr).toContain(`meowctl restart ${crashed.id}`);
    const told = await until('an event tells of it', async () => {
      const { stdout: events } = await site.call(['events', '--json', crashed.id]);
      return (JSON.parse(events) as FleetEvent[]).find(({ kind }) => kind === 'crashed');
    });
    expect(told).toMatchObject({ by: 'keeper', why: 'died 5 times within 60 s' });
    const why = await site.call(['why', crashed.id]);
    expect(why.stdout).toMatch(/keeper .*gave it up: died 5 times within 60 s/);
    expect(why.stdout.match(/found it dead/g)).toHaveLength(1);
    expect(why.stdout).toContain('last words');
    await site.rounds(2);
    expect((await site.desiredServers()).find(isCrashed)?.id).toBe(crashed.id);
    site.write('brittle.mjs', answering('fine'));
    const again = await site.call(['restart', crashed.id, '--json']);
    expect([again.code, again.stderr]).toEqual([0, '']);
    const [next] = JSON.parse(again.stdout) as Row[];
    expect((await site.liveNow()).map(({ id }) => id)).toContain(next?.id);
    const desiredServers = await site.desiredServers();
    expect(desiredServers.find(({ id }) => id === next?.id)?.state).toBe('wanted');
    expect(desiredServers.find(({ id }) => id === crashed.id)).toBeUndefined();
  });

  test('lets go of the host when it is told to end', async () => {
    keeper.kill('SIGTERM');
    expect((await keeper.ended).code).toBe(0);
    expect(await site.raw.keys('{meow}:keeper:*')).toEqual([]);
  });
});

test('a keeper brings back servers of an earlier boot, and takes no stranger on their port for them', async () => {
  const was = await site.spawnOne();
  const [desired] = await site.desiredServers();
  kill(was);
  const stale = { ...desired, bootId: 'an-earlier-boot', pid: process.pid };
  await site.raw.hset('{meow}:intents', was.id, JSON.stringify(stale));
  const record = JSON.parse((await site.raw.hget('{meow}:servers', was.id)) ?? '{}');
  const old = { ...record, bootId: 'an-earlier-boot', pid: process.pid };
  await site.raw.hset('{meow}:servers', was.id, JSON.stringify(old));
  await site.raw.zadd('{meow}:leases', 1, was.id);
  await site.keep();
  const back = await site.newcomer([was]);
  expect((await site.desiredServers()).map(({ id }) => id)).toEqual([back.id]);
  await site.clear();
});

test('two keepers, one of them paused in between, start one server', async () => {
  const dead = await site.spawnOne();
  const paused = await site.keep();
  kill(dead);
  await until('the first has seen it', () => paused.said().includes('died'));
  process.kill(paused.pid, 'SIGSTOP');
  const second = site.go('keep');
  await site.newcomer([dead]);
  process.kill(paused.pid, 'SIGCONT');
  await until('the first knows that it lost', async () => (await site.liveNow()).length === 1);
  await site.rounds(3);
  expect(await site.liveNow()).toHaveLength(1);
  expect(await site.desiredServers()).toHaveLength(1);
  for (const keeper of [paused, second]) keeper.kill('SIGTERM');
  await Promise.all([paused.ended, second.ended]);
});
