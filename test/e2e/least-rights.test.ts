import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { until } from '../helpers/until.ts';

const picture = new URL('../../img/night.png', import.meta.url).pathname;
const CHANNEL = /does not let this user use the channel "\{meow\}:changes"; .*within a second/g;

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

/**
 * A fleet's life, as one user of Redis: the whole of it, or what needs no verb of its own.
 * Returns what door and keeper said.
 */
async function live(
  url: string,
  whole: boolean,
): Promise<{ door: string; keeper: string; logs: string }> {
  const env = { REDIS_URL: url };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await site.run(args, { env });
    expect([args[0], code, stderr]).toEqual([args[0], 0, stderr]);
    expect(stderr).not.toMatch(/does not let|refused|NOPERM/);
    return stdout;
  };
  const count = whole ? 2 : 1;
  const port = await freePort();
  const door = site.start(['proxy', '--port', String(port), '--no-admin'], { env });
  const keeper = site.start(['keep'], { env });
  const [doorSaid, keeperSaid] = [collect(door), collect(keeper)];

  await run('spawn', String(count));
  await until('the door uses them', async () =>
    (await site.list()).every(({ doors }) => doors.includes('usable')),
  );
  if (whole) await useVerbs(run, `http://127.0.0.1:${port}`);

  const [victim] = await site.list();
  process.kill(victim?.pid ?? Number.NaN, 'SIGKILL');
  await until('the keeper has replaced it', async () => {
    const rows = await site.list();
    return (
      rows.length === count && rows.every(({ id, state }) => id !== victim?.id && state === 'up')
    );
  });
  await run('restart');
  if (whole) {
    await run('scale', '1');
    await run('scale', '2');
    await run('destroy');
  }
  await run('destroy', '--all');
  for (const child of [keeper, door]) {
    child.kill('SIGTERM');
    await until('it has ended', () => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
  }
  if (whole) await run('down');
  return { door: doorSaid(), keeper: keeperSaid(), logs: serverLogs() };
}

async function useVerbs(run: (...args: string[]) => Promise<string>, door: string): Promise<void> {
  for (const path of ['/set?message=hi', '/get', '/recent', '/meow']) {
    const { status } = await fetch(door + path);
    expect([path, status]).toEqual([path, path === '/meow' ? 404 : 200]);
  }
  await run('set', 'least');
  expect(await run('get')).toBe('least\n');
  await run('upload', picture);
  expect((await fetch(`${door}/meow`)).status).toBe(200);
  expect(await run('recent')).toContain('/meow\n');
  const rows = JSON.parse(await run('ls', '--json')) as Row[];
  expect(rows.map(({ state }) => state)).toEqual(['up', 'up']);
}

const serverLogs = () => {
  const folder = join(site.home, 'logs');
  return readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('');
};

describe('a fleet lives its whole life', () => {
  test('under the rule in docs/operations.md: Redis refuses nothing', async () => {
    const said = await live(await addUser(site.redis, 'meow', documentedRule()), true);
    expect(Object.values(said).join('')).not.toMatch(/does not let|refused/);
    expect(await raw.acl('LOG')).toEqual([]);
  });

  test('without the channel too: each door, keeper and server says so once', async () => {
    const user = await addUser(site.redis, 'deaf', [...documentedRule(), 'resetchannels']);
    const { door, keeper, logs } = await live(user, false);
    expect(door.match(CHANNEL)).toHaveLength(1);
    expect(keeper.match(CHANNEL)).toHaveLength(1);
    expect(logs).toMatch(CHANNEL);
  });
});

function collect(child: ChildProcess): () => string {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  return () => said;
}
