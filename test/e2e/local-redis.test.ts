import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { measured, verb } from '../helpers/yardstick.ts';

let site: Site;

beforeEach(async () => {
  site = await openSite();
});
afterEach(async () => {
  await site.run(['down', '--drain-timeout', '1'], { env });
  await site.close();
});

/** No Redis is named, and none is at the usual address: so it is a local one. */
const env = { REDIS_URL: '' };

const redisPid = () =>
  (JSON.parse(readFileSync(join(site.home, 'redis', 'run.json'), 'utf8')) as { pid: number }).pid;

/**
 * With `appendfsync everysec` Redis answers before it has written where the disk still takes what was
 * before (up to 2 s): killed then, it has lost that, by its own words.
 */
const isWritten = (words: string) => {
  const folder = join(site.home, 'redis', 'appendonlydir');
  return readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(words));
};

test('`up` starts its local Redis again when that was killed: same servers, same message, within 5 s; one that is silent is still the one meant', async () => {
  const port = String(await freePort());
  const up = site.start(['up', '-n', '2', '--port', port, '--no-admin'], { env });
  const told: string[] = [];
  up.stderr?.on('data', (text: Buffer) => told.push(String(text)));
  const list = async () => JSON.parse((await site.run(['ls', '--json'], { env })).stdout || '[]');
  const usable = async () => {
    const rows = (await list()) as { id: string; doors: string[] }[];
    return rows.length === 2 && rows.every(({ doors }) => doors[0] === 'usable') ? rows : null;
  };
  const before = await until('both serve', usable);
  const url = `http://127.0.0.1:${port}`;
  expect((await fetch(`${url}/set?ttl=100`)).ok).toBe(true);
  await until('Redis has written the message', async () => isWritten('self-destruct'));
  const pid = redisPid();
  process.kill(pid, 'SIGKILL');
  const message = async () => {
    const response = await fetch(`${url}/get`);
    return response.ok && (await response.text()).includes('self-destruct');
  };
  const back = until('the message is there again', async () => redisPid() !== pid && message());
  const { ms, slackMs } = await measured(back, verb);
  expect(ms).toBeLessThan(5_000 + slackMs);
  const after = await until('both serve', usable);
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(told.join('')).toContain('the local Redis had ended and was started again');
  process.kill(redisPid(), 'SIGSTOP');
  const { code, stderr } = await site.run(['ls'], { env });
  process.kill(redisPid(), 'SIGCONT');
  expect([code, stderr]).toEqual([
    4,
    expect.stringMatching(/^meowctl: Redis at \S+ does not answer/),
  ]);
  up.kill('SIGINT');
  expect((await finish(up)).code).toBe(0);
});
