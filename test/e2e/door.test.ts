import { request } from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { measured } from '../helpers/yardstick.ts';

let site: Site;
let raw: Redis;
let door: string;
let port: number;
let child: ReturnType<Site['start']>;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  port = await freePort();
  child = site.start(['proxy', '--port', String(port), '--no-admin']);
  door = `http://127.0.0.1:${port}`;
  await until('the door answers', () =>
    fetch(door).then(
      () => true,
      () => false,
    ),
  );
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

const server = async (path = '/') => (await fetch(door + path)).headers.get('x-served-by');

describe('the door', () => {
  test('without a server says 503, when to come again, and what to do', async () => {
    const answer = await fetch(door);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.text()).toContain('meowctl spawn');
  });

  test('hands requests to the servers in strict rotation, by port', async () => {
    await site.call(['spawn', '3']);
    const order = (await site.list()).map(({ id }) => id);
    await until('all three are in', async () => {
      const seen = new Set([await server(), await server(), await server()]);
      return seen.size === 3;
    });
    const served: (string | null)[] = [];
    for (let n = 0; n < 9; n++) served.push(await server('/test'));
    const start = order.indexOf(served[0] ?? '');
    expect(served).toEqual(Array.from({ length: 9 }, (_, n) => order[(start + n) % 3]));
  });

  test('is a second door only on another port', async () => {
    const { code, stderr } = await site.run(['proxy', '--port', String(port), '--no-admin']);
    expect(code).toBe(1);
    expect(stderr.split('\n')[0]).toContain(`port ${port} is in use by`);
  });

  test('with its admin port taken ends too, and names the flag', async () => {
    const other = String(await freePort());
    const { code, stderr } = await site.run(['proxy', '--port', other, '--admin-port', `${port}`]);
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} is in use by`);
    expect(stderr).toContain('Choose another with --admin-port, or --no-admin');
  });

  test('leaves no server hanging that could not have its port', async () => {
    const { code, stderr } = await site.run(['serve', '--port', `${port}`]);
    expect([code, stderr.split('\n')[0]]).toEqual([1, `meowctl: port ${port} is in use`]);
  });

  test('loses no request when a server is destroyed under load', async () => {
    const asking = keepAsking(`${door}/test`);
    const { code } = await site.call(['destroy']);
    expect(code).toBe(0);
    const { failures, sent } = await asking.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(0);
    expect(await site.list()).toHaveLength(2);
  });

  test('loses no GET when a server is killed under load', async () => {
    await site.call(['spawn']);
    const [victim] = await site.list();
    // No more at once than may be repeated in any second, however few a busy machine lets through.
    const asking = keepAsking(`${door}/test`, { workers: defaults.retryFloor });
    process.kill(victim?.pid ?? Number.NaN, 'SIGKILL');
    await until('a door says it is out', async () => {
      const row = (await site.list()).find(({ id }) => id === victim?.id);
      return row?.doors.some((word) => word.startsWith('out')) || row === undefined;
    });
    expect((await asking.stop()).failures).toEqual([]);
  });

  test('serves on when Redis is emptied, and when it is killed and comes back empty', async () => {
    const asking = keepAsking(`${door}/test`);
    await raw.flushall();
    await until('the fleet is back', async () => (await site.list()).length === 2);
    await site.redis.kill('SIGKILL');
    const plain = () => fetch(`${door}/test`).then((answer) => answer.text());
    const { value: refused, ms, slackMs } = await measured(fetch(`${door}/get`), plain);
    expect(refused.status).toBe(503);
    expect(ms).toBeLessThan(1_000 + slackMs);
    await site.redis.restart();
    await until('the fleet is back', async () => (await site.list()).length === 2);
    expect((await asking.stop()).failures).toEqual([]);
  });

  test('answers 508 to what has been through a door', async () => {
    const answer = await fetch(door, { headers: { via: '1.1 meow-abc234' } });
    expect(answer.status).toBe(508);
  });

  test('finishes what is in flight when it is told to stop, and exits 0', async () => {
    const slow = request(`${door}/upload`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    const answered = new Promise<number | undefined>((resolve, reject) => {
      slow.once('response', (answer) => resolve(answer.resume().statusCode));
      slow.once('error', reject);
    });
    slow.write('--x\r\n');
    await until('a server has it', async () =>
      (await site.list()).some(({ inflight }) => inflight > 0),
    );
    const ended = finish(child);
    child.kill('SIGTERM');
    await until('it stopped accepting', () =>
      fetch(door).then(
        () => false,
        () => true,
      ),
    );
    slow.end('--x--\r\n');
    expect(await answered).toBe(400);
    expect((await ended).code).toBe(0);
  });
});
