import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: FleetSite;
let ports: string[];

beforeAll(async () => {
  site = await openFleetSite();
  ports = ['--port', String(await freePort()), '--admin-port', String(await freePort())];
});
afterEach(() => site.clear());
afterAll(() => site.close());

/** What is answered to the first request that the door takes, and how long that waited. */
function firstAnswer(url: string): Promise<{ status: number; ms: number }> {
  return until('the door listens', () => {
    const startMs = performance.now();
    return fetch(url).then(
      ({ status }) => ({ status, ms: performance.now() - startMs }),
      () => null,
    );
  });
}

test('`up` brings a fleet back after everything was killed, and keeps it', async () => {
  const up = site.go('up', '-n', '2', ...ports);
  const { status, ms } = await firstAnswer(`http://127.0.0.1:${ports[1]}/test`);
  // Unless they took longer than they may.
  expect([status, ms < defaults.readyTimeoutMs * 0.9]).not.toEqual([503, true]);
  await until('two serve', async () => (await site.liveNow()).length === 2);
  const killed = await site.liveNow();
  for (const { pid } of killed) process.kill(pid, 'SIGKILL');
  up.kill('SIGKILL');
  await up.ended;
  const again = site.go('up', ...ports);
  const back = await until('two serve again', async () => {
    const used = (await site.liveNow()).filter(({ doors }) => doors.includes('usable'));
    const rows = used.filter(({ id }) => !killed.some((old) => old.id === id));
    return rows.length === 2 ? rows : null;
  });
  // One that dies before it has told `up` that it is ready could not be started.
  await until('`up` knows of both', () => again.said().includes('Ctrl-C stops'));
  process.kill(back[0]?.pid ?? Number.NaN, 'SIGKILL');
  await until('the keeper has replaced it', async () => {
    const rows = await site.liveNow();
    return rows.length === 2 && !rows.some(({ id }) => id === back[0]?.id);
  });
  again.kill('SIGINT');
  const { code, stderr } = await again.ended;
  expect([code, stderr]).toEqual([0, expect.stringContaining('stopping: keeper')]);
  expect(await site.liveNow()).toEqual([]);
  expect((await site.desiredServers()).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
});

test('`up` ends with what it started, also where `restart` has replaced it; what was spawned stays', async () => {
  const up = site.go('up', '-n', '1', ...ports);
  await until('it serves', async () => (await site.liveNow())[0]?.doors.includes('usable'));
  await site.spawn();
  expect((await site.run(['restart'])).code).toBe(0);
  up.kill('SIGINT');
  const { code, stderr } = await up.ended;
  expect([code, stderr]).toEqual([0, expect.stringContaining('1 spawned server stays')]);
  expect(await site.liveNow()).toHaveLength(1);
  expect((await site.desiredServers()).map(({ state }) => state).sort()).toEqual([
    'stopped',
    'wanted',
  ]);
});
