import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { type OldVersion, unpackOldVersion } from '../helpers/old-version.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

type Version = Pick<Site, 'run' | 'start'> | OldVersion;

let site: Site;
let old: OldVersion;
let raw: Redis;

beforeEach(async () => {
  site = await openSite();
  old = unpackOldVersion(site, 'before');
  raw = new Redis(site.redis.url);
});
afterEach(async () => {
  raw.disconnect();
  await site.close();
  old.remove();
});

const rowsOf = async (version: Version, args: readonly string[]): Promise<Row[]> => {
  const { code, stdout, stderr } = await version.run([...args, '--json']);
  expect([args[0], code, stderr]).toEqual([args[0], 0, '']);
  return JSON.parse(stdout) as Row[];
};

/** A door of that version, under a load of which nothing may fail. */
async function openDoor(version: Version) {
  const port = String(await freePort());
  const opened = version.start(['proxy', '--port', port, '--no-admin']);
  const url = `http://127.0.0.1:${port}`;
  await until('the door serves', async () => (await fetch(url).catch(() => null))?.status === 200);
  const load = keepAsking(url, { workers: 2, pauseMs: 30 });
  return {
    async close() {
      const { sent, failures } = await load.stop();
      opened.kill('SIGTERM');
      const { code } = await finish(opened);
      expect([sent > 0, failures, code]).toEqual([true, [], 0]);
    },
  };
}

async function keeperOf(version: Version) {
  const keeper = version.start(['keep']);
  await until('it keeps', async () => (await raw.keys('{meow}:keeper:*')).length > 0);
  return async () => {
    keeper.kill('SIGTERM');
    await finish(keeper);
  };
}

describe('a fleet of two versions, this one and the one before the tree was cut anew', () => {
  test.each([
    ['an old door', 'new servers', 'before', 'now'],
    ['a new door', 'old servers', 'now', 'before'],
  ] as const)(
    '%s sends %s their requests while either version lists, restarts and destroys them',
    async (_, __, opened, serving) => {
      const versions: Record<'before' | 'now', Version> = { before: old, now: site };
      const spawned = await rowsOf(versions[serving], ['spawn', '3']);
      const door = await openDoor(versions[opened]);
      const ids = spawned.map(({ id }) => id).sort();
      for (const version of [old, site]) {
        const listed = await until('the door uses all', async () => {
          const rows = await rowsOf(version, ['ls']);
          return rows.every(({ doors }) => doors.join() === 'usable') ? rows : null;
        });
        expect(listed.map(({ id, state }) => [id, state]).sort()).toEqual(
          ids.map((id) => [id, 'up']),
        );
      }
      // By the version that did not start them.
      const [gone] = await rowsOf(versions[opened], ['destroy', ids[0] ?? '']);
      expect([gone?.id, gone?.state]).toEqual([ids[0], 'gone']);
      const fresh = await rowsOf(versions[opened], ['restart']);
      const again = await rowsOf(versions[serving], ['restart']);
      expect([fresh.length, again.length]).toEqual([2, 2]);
      await door.close();
      expect((await site.run(['down'])).stderr).toContain('ended: 2 servers');
      expect(await raw.hlen('{meow}:intents')).toBe(0);
    },
  );

  test.each([
    ['old', 'new'],
    ['new', 'old'],
  ] as const)('an %s keeper starts %s servers again that died', async (keeping, serving) => {
    const versions: Record<'old' | 'new', Version> = { old, new: site };
    const [dead] = await rowsOf(versions[serving], ['spawn']);
    const stop = await keeperOf(versions[keeping]);
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    await until('another serves', async () => {
      const rows = await site.list();
      return rows.some(({ id, state }) => state === 'up' && id !== dead?.id);
    });
    await stop();
  });
});

describe('the schema of a fleet', () => {
  test('is written by the first server that knows of it, and minded by no older version', async () => {
    await rowsOf(old, ['spawn']);
    expect(await raw.get('{meow}:schema')).toBe(null);
    await rowsOf(site, ['ls']);
    expect(await raw.get('{meow}:schema')).toBe(null);
    await rowsOf(site, ['spawn']);
    expect(await raw.get('{meow}:schema')).toBe('1');
    expect((await rowsOf(old, ['ls'])).map(({ state }) => state)).toEqual(['up', 'up']);
    expect(await raw.ttl('{meow}:schema')).toBe(-1);
  });

  test('that is a newer one is left alone by every verb, while what serves goes on', async () => {
    const [server] = await rowsOf(site, ['spawn']);
    const door = await openDoor(site);
    await raw.set('{meow}:schema', '2');
    for (const verb of [['ls'], ['spawn'], ['destroy', '--all'], ['restart'], ['scale', '3']]) {
      const { code, stdout, stderr } = await site.run(verb);
      expect([verb[0], code, stdout]).toEqual([verb[0], 4, '']);
      expect(stderr).toContain(
        'holds the fleet of a newer meowctl: schema 2, and this one knows 1',
      );
      expect(stderr).toContain('Install that version here too');
    }
    expect((await fetch(server?.url ?? '')).status).toBe(200);
    expect(await raw.hlen('{meow}:servers')).toBe(1);
    await door.close();
    await raw.set('{meow}:schema', 'purple');
    const { code, stderr } = await site.run(['ls']);
    expect([code, stderr]).toEqual([
      1,
      'meowctl: key "{meow}:schema" in Redis does not hold the number of a schema\n  Remove that key\n',
    ]);
  });
});
