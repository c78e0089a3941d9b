import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let raw: Redis;
let door: string;
let served: readonly Row[];

const answers = (path: string) =>
  fetch(door + path).then(async (it) => [it.status, await it.text()]);
/** When each lease ends, in seconds of Redis' clock. */
const leases = async () => {
  const ends = await raw.zrange('{meow}:leases', '0', '-1', 'WITHSCORES');
  return ends.filter((_, at) => at % 2 === 1).map((end) => Number(end) / 1_000);
};
const allRunOut = async () => {
  const [seconds] = (await raw.time()) as unknown as [string];
  return (await leases()).every((end) => end < Number(seconds) - 1);
};
/** A server that has not beaten for so long. */
const addSilent = async (id: string, seconds: number) => {
  const [now] = (await raw.time()) as unknown as [string];
  await raw.hset('{meow}:servers', id, JSON.stringify({ ...served[0], id, state: 'up' }));
  await raw.zadd('{meow}:leases', String((Number(now) - seconds + 6) * 1_000), id);
};
const wellAgain = async () => {
  await until('the servers beat again', async () =>
    (await site.list()).every(({ state, doors }) => state === 'up' && doors.includes('usable')),
  );
};

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  const port = await freePort();
  door = `http://127.0.0.1:${port}`;
  site.start(['proxy', '--port', String(port), '--no-admin']);
  await site.call(['spawn', '2']);
  await wellAgain();
  served = await site.list();
});
afterEach(wellAgain);
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

describe('where Redis takes no writes', () => {
  test.each([
    ['a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    [
      'one that misses its replicas',
      ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    ],
  ])('(%s) reads go on, and nobody is lost who was not before', async (_, begin, end) => {
    const tell = ([command = '', ...args]: string[]) => raw.call(command, args);
    await fetch(`${door}/set?message=kept&ttl=600`);
    await addSilent('gone22', 60);
    await tell(begin);
    try {
      await until('every lease has run out', allRunOut);
      expect(await answers('/get')).toEqual([200, 'kept']);
      const [status, text] = await answers('/recent');
      expect([status, JSON.parse(String(text)).length > 0]).toEqual([200, true]);
      expect((await answers('/set'))[0]).toBe(503);

      const { code, stdout, stderr } = await site.call(['ls', '--json']);
      expect(code).toBe(0);
      const rows = JSON.parse(stdout) as Row[];
      const [gone] = rows.filter(({ id }) => id === 'gone22');
      expect([gone?.state, gone?.why?.slice(0, 14)]).toEqual(['lost', 'no beat for 1m']);
      const others = rows.filter((row) => row !== gone);
      expect(others.map(({ id, state }) => [id, state])).toEqual(
        served.map(({ id }) => [id, 'up']),
      );
      expect(others.every(({ doors }) => doors.includes('usable'))).toBe(true);
      expect(others[0]?.why).toMatch(/^no beat is taken: Redis at /);
      expect(stderr).toMatch(
        /replica.*took the last beat at \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d, \d+s ago/,
      );
      expect(stderr.trimEnd().split('\n')).toHaveLength(2);
      expect((await site.call(['ls', '-q'])).stdout.trimEnd().split('\n')).toHaveLength(2);
    } finally {
      await tell(end);
      await raw.hdel('{meow}:servers', 'gone22');
      await raw.zrem('{meow}:leases', 'gone22');
    }
  });
});

test('where Redis is full, what is there is read on, and servers beat on', async () => {
  await fetch(`${door}/set?message=kept&ttl=600`);
  await raw.config('SET', 'maxmemory', '1');
  try {
    expect(await answers('/get')).toEqual([200, 'kept']);
    const [status, text] = await answers('/recent');
    expect([status, JSON.parse(String(text)).length > 0]).toEqual([200, true]);
    expect((await answers('/set'))[0]).toBe(507);
    const before = await leases();
    await until('each has beaten', async () =>
      (await leases()).every((end, at) => end > (before[at] ?? 0)),
    );
  } finally {
    await raw.config('SET', 'maxmemory', '0');
  }
});

describe('what is lost is lost for a reason that is told', () => {
  test('a key of another type: each beat is refused, and the key named', async () => {
    await raw.rename('{meow}:leases', 'aside');
    await raw.set('{meow}:leases', 'no zset');
    const { code, stdout } = await site.call(['ls']);
    await raw.del('{meow}:leases');
    expect(code).toBe(0);
    expect(stdout).toMatch(/ lost .*its last beat was refused: .*the key "{meow}:leases"\n/);
    for (const key of ['servers', 'intents']) {
      await raw.rename(`{meow}:${key}`, 'aside');
      await raw.set(`{meow}:${key}`, 'no hash');
      const damaged = await site.call(['ls']);
      await raw.rename('aside', `{meow}:${key}`);
      expect([damaged.code, damaged.stdout]).toEqual([1, '']);
      expect(damaged.stderr).toContain(`under the key "{meow}:${key}"\n`);
    }
  });

  test('a right that is missing is not the reason while others beat', async () => {
    const user = await addUser(site.redis, 'reader', [...documentedRule(), '-hset']);
    await addSilent('dead22', 60);
    const { stdout } = await site.call(['ls'], { env: { REDIS_URL: user } });
    await raw.hdel('{meow}:servers', 'dead22');
    await raw.zrem('{meow}:leases', 'dead22');
    expect(stdout).toMatch(/dead22 .* lost .* no beat for \d+/);
    expect(stdout).not.toContain('refused');
  });
});
