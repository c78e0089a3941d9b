import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleDesired } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let raw: Redis;
let canary: Server;
let port: number;
let calls = 0;

/** An address of this machine that no server was ever started on. */
const ELSEWHERE = '127.0.0.9';

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  port = await freePort();
  canary = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(port, ELSEWHERE, resolve));
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
  canary.close();
});

const up = async () => (await site.list()).filter(({ state }) => state === 'up');

/** A desired server of this host whose server is gone, that says it listens at the canary. */
async function plant(id: string, over: object = {}) {
  const host = JSON.parse(readFileSync(join(site.home, 'host.json'), 'utf8'));
  const place = { hostId: host.id, bootId: host.bootId, pidNs: host.pidNs };
  const desired = {
    ...sampleDesired(place),
    listenHost: ELSEWHERE,
    port,
    fixedPort: true,
    ...over,
  };
  await raw.hset('{meow}:intents', id, JSON.stringify(desired));
}

async function killAndAwaitAnother() {
  const [one] = await up();
  process.kill(one?.pid ?? Number.NaN, 'SIGKILL');
  await until('another serves in its place', async () => {
    const now = await up();
    return now.length > 0 && now.every(({ id }) => id !== one?.id);
  });
}

test('no address that stands in Redis is called by keep, scale, restart or up', async () => {
  expect(await site.run(['spawn', '-q'])).toMatchObject({ code: 0, stderr: '' });
  await plant('aaaaaa');
  await plant('bbbbbb', { bootId: 'an-earlier-boot' });
  await plant('cccccc', { hostId: 'somebodyelseshst', state: 'crashed' });
  const keeper = site.start(['keep']);
  await killAndAwaitAnother();
  await killAndAwaitAnother();
  keeper.kill('SIGKILL');
  for (const verb of [['scale', '1'], ['restart', 'aaaaaa'], ['restart']]) {
    await plant('aaaaaa');
    await site.run(verb);
  }
  await plant('aaaaaa');
  const door = String(await freePort());
  const upwards = site.start(['up', '-n', '2', '--port', door, '--no-admin']);
  await until('it is up', async () => (await up()).some(({ doors }) => doors.includes('usable')));
  upwards.kill('SIGTERM');
  expect(calls).toBe(0);
});
