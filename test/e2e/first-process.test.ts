import { spawn, spawnSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

const canBeFirst =
  process.geteuid?.() === 0 && spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0;

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** As a container runs it: the first process of a pid namespace, with nothing else in it. */
function asFirst(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const node = [process.execPath, BIN, ...args];
  const child = spawn('unshare', ['-pf', '--kill-child', '--mount-proc', ...node], {
    env: { ...site.env, ...env },
    cwd: site.home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = finish(child);
  /** As `docker stop` does: to the first process, seen from outside. */
  const stop = () => {
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)]);
    process.kill(Number(String(stdout).trim()), 'SIGTERM');
  };
  return { ended, stop };
}

async function plantLost(): Promise<void> {
  const record = sampleRecord({ startedAt: 1 });
  const raw = new Redis(site.redis.url);
  await raw.hset('{meow}:servers', record.id, JSON.stringify(record));
  await raw.zadd('{meow}:leases', 1, record.id);
  raw.disconnect();
}

describe.runIf(canBeFirst)('as the first process of a container', () => {
  test('a server is listed, served by a door, warns once of zombies, and ends on SIGTERM', async () => {
    await plantLost();
    const server = asFirst(['serve'], { MEOW_LISTEN: '127.0.0.2' });
    // What died long ago it takes away: where all servers are containers, nobody else would.
    await until('it alone is listed', async () => {
      const rows = await site.list();
      return rows.length === 1 && rows[0]?.state === 'up';
    });
    const [{ pid, url } = { pid: 0, url: '' }] = await site.list();
    expect([pid, new URL(url).hostname]).toEqual([1, '127.0.0.2']);
    const [port, admin] = [await freePort(), await freePort()];
    const flags = ['--port', String(port), '--admin-host', '127.0.0.3', '--admin-port', `${admin}`];
    const door = site.start(['proxy', ...flags]);
    const ask = () => fetch(`http://127.0.0.1:${port}/test`).catch(() => null);
    await until('the door serves', async () => (await ask())?.status === 200);
    expect((await fetch(`http://127.0.0.3:${admin}/readyz`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${admin}/readyz`)).rejects.toThrow('fetch failed');
    server.stop();
    const { code, stderr } = await server.ended;
    expect([code, stderr.match(/--init/g)]).toEqual([0, ['--init']]);
    door.kill('SIGTERM');
  });

  test('`up` has its fleet, and ends it on SIGTERM', async () => {
    const port = String(await freePort());
    const up = asFirst(['up', '-n', '2', '--port', port, '--no-admin']);
    await until('both are up', async () => {
      const rows = await site.list();
      return (
        rows.filter(({ state, doors }) => state === 'up' && doors[0] === 'usable').length === 2
      );
    });
    up.stop();
    const { code, stderr } = await up.ended;
    expect([code, stderr.match(/--init/g)]).toEqual([0, ['--init']]);
    await until(
      'they are gone',
      async () => !(await site.list()).some(({ state }) => state === 'up'),
    );
  });
});

test.skipIf(canBeFirst)('process 1 cannot be tried here: that needs root and unshare', () => {
  expect(canBeFirst).toBe(false);
});
