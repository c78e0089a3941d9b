import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { thorough } from '../helpers/needs.ts';
import { type OldVersion, unpackOldVersion } from '../helpers/old-version.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const SECRET = 'hush-hush';
const APP = `export default (req, res) => res.end(process.env.SECRET === '${SECRET}' ? 'well' : 'lost');\n`;

let site: Site;
let raw: Redis;
let old: OldVersion;

beforeEach(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  old = unpackOldVersion(site);
});
afterEach(async () => {
  raw.disconnect();
  await site.close();
  old.remove();
});

const live = async () => (await site.list()).filter(({ state }) => state === 'up');
const desiredServers = async () => Object.values(await raw.hgetall('{meow}:intents'));

/** Servers of an app with a secret. */
async function oldFleet(count = 2): Promise<Row[]> {
  writeFileSync(join(site.home, 'app.mjs'), APP);
  const asked = ['--app', 'app.mjs', '--env', `SECRET=${SECRET}`];
  const { stdout } = await old.run(['spawn', String(count), '--json', ...asked]);
  const rows = JSON.parse(stdout) as Row[];
  expect(rows.map(({ version }) => version)).toEqual(Array(count).fill('0.1.0'));
  return rows;
}

/** A door of either version, and a load on it. */
async function door(version: 'old' | 'new') {
  const port = String(await freePort());
  const asked = ['proxy', '--port', port, '--no-admin'];
  const opened = version === 'old' ? old.start(asked) : site.start(asked);
  const url = `http://127.0.0.1:${port}`;
  await until('the door serves', async () => (await fetch(url).catch(() => null))?.status === 200);
  const load = keepAsking(url, { workers: 2, pauseMs: 30 });
  return {
    async close() {
      const { sent, failures } = await load.stop();
      opened.kill('SIGTERM');
      await finish(opened);
      expect([sent > 20, failures]).toEqual([true, []]);
    },
  };
}

/** What the second one shows, others show in part: an old door in worker.test.ts, the new keeper below. */
const mixtures = [
  ['old', 'new'],
  ['new', 'old'],
] as const;

describe('a fleet of 0.1.0', () => {
  test.each(thorough ? mixtures : mixtures.slice(0, 1))(
    'goes on with the %s keeper and the %s door, and is replaced under load',
    async (keeping, opened) => {
      const rows = await oldFleet();
      const keeper = keeping === 'old' ? old.start(['keep']) : site.start(['keep']);
      const { close } = await door(opened);
      expect((await live()).map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort());

      const { code, stdout, stderr } = await site.run(['restart', '--json']);
      expect(stderr).toBe('');
      const fresh = JSON.parse(stdout) as Row[];
      expect([code, fresh.length]).toEqual([0, 2]);
      expect(fresh.some(({ version }) => version === '0.1.0')).toBe(false);
      expect((await live()).length).toBe(2);
      for (const text of await desiredServers()) {
        expect(text).not.toContain(SECRET);
        expect(text).toContain('"seal"');
      }
      expect(await (await fetch(fresh[0]?.url ?? '')).text()).toBe('well');

      await site.call(['destroy', fresh[0]?.id ?? '']);
      expect((await live()).length).toBe(1);
      await close();
      keeper.kill('SIGTERM');
      await finish(keeper);
      expect((await site.run(['down'])).stderr).toContain('ended: 1 server');
      await until('nothing is left', () => ownProcesses(site.home).length === 0);
      expect(await desiredServers()).toEqual([]);
    },
  );

  test('has its dead started again by the new keeper, once each, with their variables', async () => {
    const rows = await oldFleet();
    const [dead] = rows;
    const oldKeeper = old.start(['keep']);
    await until('the old one keeps', async () => (await raw.keys('{meow}:keeper:*')).length === 1);
    const keeper = site.start(['keep']);
    await until('both keep', async () => (await raw.keys('{meow}:keeper:*')).length === 2);
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    await until('another serves', async () => {
      const now = await live();
      return now.length === 2 && now.every(({ id }) => id !== dead?.id);
    });
    oldKeeper.kill('SIGTERM');
    await finish(oldKeeper);
    const killed = await live();
    for (const { pid } of killed) process.kill(pid, 'SIGKILL');
    const ids = new Set(killed.map(({ id }) => id));
    const all = await until('all are new', async () => {
      const now = await live();
      return now.length === 2 && now.every(({ id }) => !ids.has(id)) ? now : null;
    });
    for (const { url } of all) expect(await (await fetch(url)).text()).toBe('well');
    expect(ownProcesses(site.home)).toHaveLength(3);
    keeper.kill('SIGTERM');
    await finish(keeper);
  });

  test('that was stopped by a reboot comes back by its old signature, not without one', async () => {
    await oldFleet(1);
    const { stdout } = await old.run(['spawn', '--json']);
    const [cat] = JSON.parse(stdout) as Row[];
    for (const pid of ownProcesses(site.home)) process.kill(pid, 'SIGKILL');
    await until('all are dead', () => ownProcesses(site.home).length === 0);
    for (const [id, text] of Object.entries(await raw.hgetall('{meow}:intents'))) {
      const desired = JSON.parse(text) as object;
      await raw.hset('{meow}:intents', id, JSON.stringify({ ...desired, bootId: 'before' }));
    }
    await raw.del('{meow}:servers', '{meow}:leases');
    const keeper = site.start(['keep']);
    let said = '';
    keeper.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    await until('it serves', async () => (await live()).length === 1);
    await until('it says what it leaves', () => said.includes(`server ${cat?.id} is not started`));
    expect(said).toContain(`meowctl destroy ${cat?.id}`);
    expect((await live()).length).toBe(1);
    keeper.kill('SIGTERM');
    await finish(keeper);
  });
});
