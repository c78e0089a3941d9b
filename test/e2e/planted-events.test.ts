import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../src/doctor/check.ts';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { ask } from '../helpers/clients.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const KEY = '{meow}:events';
/** Behind it Redis adds nothing any more. */
const LAST_ID = '18446744073709551615-18446744073709551615';

let site: Site;
let raw: Redis;
let id: string;
beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  const { stdout } = await site.call(['spawn', '--json']);
  id = (JSON.parse(stdout) as { id: string }[])[0]?.id ?? '';
});
afterEach(() => raw.del(KEY));
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

async function eventsCheck(): Promise<Check | undefined> {
  const { stdout } = await site.run(['doctor', '--json']);
  return (JSON.parse(stdout) as Check[]).find(({ check }) => check === 'events');
}

/** An event of the server with that id of its entry. */
const plant = (entry: string) => {
  return raw.xadd(KEY, entry, 'event', JSON.stringify({ kind: 'ready', server: id }));
};

describe('events that somebody else wrote', () => {
  test.each(['9007199254740991-0', LAST_ID])('at %s end no verb, and are said', async (entry) => {
    await raw.del(KEY);
    await plant(entry);
    for (const args of [['events'], ['events', '--utc'], ['why', id], ['describe', id]]) {
      const { code, stderr } = await site.run(args);
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining(`"${KEY} ${entry}": its id is of a time that no calendar has`),
      ]);
    }
    const found = await eventsCheck();
    expect([found?.ok, found?.says]).toEqual([false, expect.stringContaining('in the future')]);
  });

  test('under a key of another type leave `why` and `describe` all the rest, and doctor names it', async () => {
    await raw.set(KEY, 'mine');
    for (const args of [
      ['why', id],
      ['describe', id],
    ]) {
      const { code, stdout, stderr } = await site.run(args);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`${id}`)]);
      expect(stderr).toMatch(/^meowctl: no events can be read: .*"\{meow\}:events"\. Rename .*\n$/);
    }
    const found = await eventsCheck();
    expect([found?.ok, found?.says]).toEqual([false, expect.stringContaining(`"${KEY}"`)]);
  });
});

describe('events', () => {
  test('of as long ago as can be asked for are all there are', async () => {
    await plant('1700-0');
    const { code, stdout } = await site.call(['events', '--since', '999999d']);
    expect([code, stdout.trimEnd().split('\n').length]).toEqual([0, 1]);
  });

  test('are none with -n 0, and where none is so young that is said', async () => {
    await plant('1700-0');
    expect(await site.call(['events', '-n', '0'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const young = await site.call(['events', '--since', '0s']);
    expect(young).toMatchObject({ code: 0, stdout: '', stderr: 'no events in that time\n' });
  });
});

test('events -f ends where what it prints cannot be written, although nothing more happens', async () => {
  await plant('1700-0');
  const line = `exec '${process.execPath}' '${BIN}' events -f > /dev/full`;
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const { code, stderr } = await finish(
    spawn('sh', ['-c', line], { env: site.env, stdio: [...stdio] }),
  );
  expect([code, stderr]).toEqual([1, expect.stringContaining('no space left on device')]);
});

describe('the token', () => {
  test('goes to no listener that a door record in Redis names, even one of our own', async () => {
    const heard: (string | undefined)[] = [];
    const listener = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.end('[]');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void listener.close());
    await until('it listens', () => listener.listening);
    const { port } = listener.address() as AddressInfo;
    const [doorPort, adminPort] = [await freePort(), await freePort()];
    const door = site.start(['proxy', '--port', `${doorPort}`, '--admin-port', `${adminPort}`]);
    const isReady = () => ask(adminPort, '/readyz').then(({ status }) => status === 200);
    await until('the door is ready', () => isReady().catch(() => false));
    const planted = { id: 'dddddd', url: 'http://127.0.0.1:1', host: 'h', roster: {} };
    const admin = `http://127.0.0.1:${port}`;
    await raw.zadd('{meow}:doors', Date.now() + 3_600_000, 'dddddd');
    await raw.set('{meow}:door:dddddd', JSON.stringify({ ...planted, admin, pid: process.pid }));
    expect((await site.call(['why', id])).code).toBe(0);
    expect((await site.run(['describe', id])).stdout).toContain(id);
    expect(heard).toEqual([]);
    door.kill('SIGTERM');
  });

  test('lets `why` ask a door of this state folder while Redis is away', async () => {
    const [doorPort, adminPort] = [await freePort(), await freePort()];
    const door = site.start(['proxy', '--port', `${doorPort}`, '--admin-port', `${adminPort}`]);
    const isReady = () => ask(adminPort, '/readyz').then(({ status }) => status === 200);
    await until('the door is ready', () => isReady().catch(() => false));
    const headers = { 'x-request-id': 'away-1' };
    process.kill((await site.list())[0]?.pid ?? Number.NaN, 'SIGKILL');
    await until('a request fails', async () => {
      return (await ask(doorPort, '/', { headers })).status === 503;
    });
    await site.redis.kill('SIGSTOP');
    const { code, stdout } = await site.call(['why', 'away-1']);
    await site.redis.kill('SIGCONT');
    expect([code, stdout]).toEqual([0, expect.stringContaining('The client got 503')]);
    door.kill('SIGTERM');
  });
});
