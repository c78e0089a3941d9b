import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, ownProcesses, type RunOptions, type Site } from '../helpers/cli.ts';
import { startRedis } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const INTENTS = '{meow}:intents';

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
afterEach(() => site.clear());
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

async function spawn(count: number, options?: RunOptions): Promise<Row[]> {
  const { stdout } = await site.call(['spawn', String(count), '--json'], options);
  const rows = JSON.parse(stdout) as Row[];
  expect(rows).toHaveLength(count);
  return rows;
}

/** A machine that loses its power: no server has its word. */
async function kill(rows: readonly Row[]): Promise<void> {
  for (const { pid } of rows) process.kill(pid, 'SIGKILL');
  await until('all are dead', () => ownProcesses(site.home).length === 0);
}

/** A keeper, until it has said that it keeps, and has gone its rounds a few times. */
async function keep(options?: RunOptions) {
  const keeping = site.start(['keep'], options);
  let said = '';
  keeping.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  await until('it keeps', () => said.includes('keeping the servers'));
  return {
    said: () => said,
    async stop() {
      keeping.kill('SIGTERM');
      await until('it has ended', () => keeping.exitCode !== null);
    },
  };
}

/** A keeper renews its lock in each of its rounds. */
async function rounds(count: number, by = raw): Promise<void> {
  const [key = ''] = (await by.keys('{*}:keeper:*')).filter((name) => !name.endsWith(hostname()));
  let last = await by.pttl(key);
  let seen = 0;
  await until('it goes its rounds', async () => {
    const left = await by.pttl(key);
    if (left > last) seen += 1;
    last = left;
    return seen >= count;
  });
}

/** The files of what is wanted. */
function listed(home = site.home): string[] {
  const folder = join(home, 'wanted');
  return readdirSync(folder).flatMap((fleet) => readdirSync(join(folder, fleet)));
}

const text = async (id: string) => (await raw.hget(INTENTS, id)) ?? '';

async function change(id: string, to: (desired: Record<string, unknown>) => void) {
  const desired = JSON.parse(await text(id)) as Record<string, unknown>;
  to(desired);
  await raw.hset(INTENTS, id, JSON.stringify(desired));
}

describe('what is wanted on a host stands in its state folder', () => {
  // Each field breaks the signature: test/state/signature.test.ts.
  const fields: readonly (readonly [string, (desired: Record<string, unknown>) => void])[] = [
    ['host', (desired) => Object.assign(desired, { hostId: 'b'.repeat(16) })],
    [
      'app',
      (desired) => Object.assign(desired.spec as object, { kind: 'module', path: '/evil.js' }),
    ],
    ['signature', (desired) => Object.assign(desired, { seal: 'A'.repeat(43) })],
  ];

  test('and one that somebody has changed in Redis is not started', async () => {
    const rows = await spawn(fields.length + 1);
    const [sound, ...others] = rows;
    for (const [at, { id }] of others.entries()) await change(id, fields[at]?.[1] ?? (() => {}));
    await kill(rows);
    const { said, stop } = await keep();
    await until('the sound one is back', () => said().includes(`took the place of ${sound?.id}`));
    await rounds(3);
    expect(ownProcesses(site.home)).toHaveLength(2); // it and the keeper
    expect(said()).toContain('somebody has changed it in Redis');
    await stop();
    const up = (await site.call(['scale', '1'])).stderr;
    expect(up).toContain('1 serve here: 0 started, 0 retired');
    const { stderr } = await site.call(['restart', others[0]?.id ?? '']);
    expect(stderr).toMatch(/there is nothing to start it again with|is on host/);
  });

  test('and neither `stopped` nor `crashed` becomes `wanted` by Redis', async () => {
    const [one] = await spawn(1);
    process.kill(one?.pid ?? Number.NaN, 'SIGTERM');
    const state = async () => (JSON.parse(await text(one?.id ?? '')) as { state: string }).state;
    await until('it is stopped', async () => (await state()) === 'stopped');
    await change(one?.id ?? '', (desired) => Object.assign(desired, { state: 'wanted' }));
    const { said, stop } = await keep();
    await rounds(3);
    expect(said()).not.toContain('took the place');
    await stop();
  });

  test('and the desired server of a destroyed one, written back, is dead', async () => {
    const [one] = await spawn(1);
    const desired = await text(one?.id ?? '');
    await site.call(['destroy', '--all']);
    await raw.hset(INTENTS, one?.id ?? '', desired);
    await raw.hset(INTENTS, 'zzz222', desired.replaceAll(one?.id ?? '', 'zzz222'));
    await raw.hset('{other}:intents', one?.id ?? '', desired);
    const here = await keep();
    const there = await keep({ env: { MEOW_NAMESPACE: 'other' } });
    await until('it is forgotten', async () => (await raw.hlen(INTENTS)) === 1);
    await rounds(3);
    expect(ownProcesses(site.home)).toHaveLength(2); // both keepers
    const { stdout } = await site.call(['ls', '--json']);
    expect(JSON.parse(stdout)).toMatchObject([
      { id: 'zzz222', state: 'lost', why: 'this host has not signed it, and will not start it' },
    ]);
    expect(here.said()).toContain('zzz222 is not started: this host has not signed it');
    expect(there.said()).toContain(`${one?.id} is not started`);
    await Promise.all([here.stop(), there.stop()]);
  });

  test('and one destroyed from another host while this is off, for however long, stays away', async () => {
    const rows = await spawn(2);
    await kill(rows);
    const elsewhere = mkdtempSync(join(tmpdir(), 'meow-test-elsewhere-'));
    const [gone, stays] = rows;
    const order = `{meow}:orders:${gone?.id}`;
    const asked = ['destroy', gone?.id ?? '', '--force', '--drain-timeout', '0'];
    const { code } = await site.run(asked, { env: { MEOW_HOME: elsewhere } });
    expect([code, await raw.ttl(order)]).toEqual([5, -1]); // no week ends it
    const { said, stop } = await keep();
    await until('the other one is back', () => said().includes(`took the place of ${stays?.id}`));
    await until('it has read that', async () => (await raw.exists(order)) === 0);
    expect(said()).not.toContain(`took the place of ${gone?.id}`);
    expect(listed()).not.toContain(`${gone?.id}.json`);
    await stop();
    rmSync(elsewhere, { recursive: true, force: true, maxRetries: 50 });
  });

  test('and an emptied Redis is filled from it, also where another host was there first', async () => {
    const rows = await spawn(1);
    await kill(rows);
    await raw.flushall();
    const elsewhere = mkdtempSync(join(tmpdir(), 'meow-test-elsewhere-'));
    const [other] = await spawn(1, { env: { MEOW_HOME: elsewhere } });
    const { said, stop } = await keep();
    for (const { id } of rows) {
      await until('it is back', () => said().includes(`took the place of ${id}`));
    }
    expect(await raw.hlen(INTENTS)).toBe(2);
    expect(isAlive(other?.pid ?? 0)).toBe(true);
    await stop();
    rmSync(elsewhere, { recursive: true, force: true, maxRetries: 50 });
  });

  test('and Redis is emptied while servers live and others are dead: all are wanted again', async () => {
    const [dead, ...living] = await spawn(2);
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    await until('one is dead', () => !isAlive(dead?.pid ?? 0));
    await raw.flushall();
    const { said, stop } = await keep();
    await until('it is back', () => said().includes(`took the place of ${dead?.id}`));
    await until('all are known', async () => (await raw.hlen(INTENTS)) === 2);
    expect(living.every(({ pid }) => isAlive(pid))).toBe(true);
    await stop();
  });

  test('and what is wanted in one Redis is not started in another', async () => {
    const second = await startRedis();
    const rows = await spawn(1);
    await kill(rows);
    const options = { env: { REDIS_URL: second.url } };
    await spawn(1, options);
    const { stderr } = await site.call(['scale', '2'], options);
    expect(stderr).toContain('2 serve here: 1 started, 0 retired');
    const { said, stop } = await keep();
    for (const { id } of rows) {
      await until('it is back', () => said().includes(`took the place of ${id}`));
    }
    await stop();
    await second.stop();
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
