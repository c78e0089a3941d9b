import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';
import { measured, verb } from '../helpers/yardstick.ts';

let site: Site;
let raw: Redis;

beforeEach(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  raw.on('error', () => {});
});
afterEach(async () => {
  raw.disconnect();
  await site.close();
});

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a verb whose Redis gets %s while it works says so once, and exits 4 within 2 s',
  async (signal) => {
    const lost = sampleRecord();
    await raw.hset('{meow}:servers', lost.id, JSON.stringify(lost));
    const destroying = site.start(['destroy', lost.id]);
    const ended = finish(destroying);
    let said = '';
    destroying.stderr?.on('data', (piece) => {
      said += piece;
    });
    // One that runs elsewhere: its order is written, and `destroy` waits for it.
    await until('the order is written', () => said.includes('only ordered to leave'));
    await site.redis.kill(signal);
    const { value, ms, slackMs } = await measured(ended, verb);
    expect(ms).toBeLessThan(2_000 + slackMs);
    const { code, stdout, stderr } = value;
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(
      /^meowctl: 1 lost server [^\n]+\nmeowctl: Redis at 127\.0\.0\.1:\d+ [^\n]*\n {2}\S[^\n]*\n$/,
    );
  },
);

test('many spawns whose Redis gets killed tell it once, and start no more', async () => {
  const ended = finish(site.start(['spawn', '12']));
  await until('one of them is ready', async () => (await raw.hlen('{meow}:servers')) > 0);
  await site.redis.kill('SIGKILL');
  const { code, stderr } = await ended;
  expect(code).toBe(4);
  expect(stderr).toMatch(/meowctl: \d+ of 12 servers started\n$/);
  const lines = stderr.split('\n');
  expect(new Set(lines.filter((line) => line.startsWith('meowctl: '))).size).toBe(
    lines.filter((line) => line.startsWith('meowctl: ')).length,
  );
});

test('a verb that finds no Redis names the verb that starts one, which is not an `up` that runs', async () => {
  const env = { REDIS_URL: '' };
  const before = await site.call(['ls'], { env });
  expect([before.code, before.stderr]).toEqual([4, expect.stringContaining('`meowctl up`')]);
  site.start(['up', '-n', '1', '--port', String(await freePort()), '--no-admin']);
  await until('it serves', async () => (await site.list()).length === 1);
  const { code, stderr } = await site.call(['ls'], { env });
  expect([code, stderr]).toEqual([4, expect.stringContaining('`meowctl spawn`')]);
});
