import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capRawLog, touchLog } from '../../src/logs/raw-log.ts';
import { sweepLogs } from '../../src/logs/sweep.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { startRedis, type TestRedis } from '../helpers/redis.ts';
import { openStore, sampleDesired, sampleRecord } from '../helpers/store.ts';

const DAY_MS = 24 * 3_600_000;
let redis: TestRedis;
let store: Store;

beforeAll(async () => {
  redis = await startRedis();
  store = await openStore(redis.url);
});
afterAll(async () => {
  await store.close();
  await redis.stop();
});

/** A state folder whose log files were last written so many days ago. */
function homeWith(files: Readonly<Record<string, number>>): string {
  const home = temporaryFolder();
  mkdirSync(join(home, 'logs'));
  for (const [name, days] of Object.entries(files)) {
    const path = join(home, 'logs', name);
    const at = new Date(Date.now() - days * DAY_MS);
    writeFileSync(path, 'meow\n');
    utimesSync(path, at, at);
  }
  return home;
}

const logsOf = (home: string) => readdirSync(join(home, 'logs')).sort();

describe('the sweep of logs', () => {
  test('removes all files of a server that has said nothing for 7 days, and no younger ones', async () => {
    const home = homeWith({
      'aaaaaa.log': 8,
      'aaaaaa.log.1': 9,
      'aaaaaa.err': 30,
      'bbbbbb.log': 6,
      'bbbbbb.log.4': 20,
      'up.log': 30,
      'notes.txt': 30,
    });
    expect(await sweepLogs(home, store.registry, 7 * DAY_MS)).toEqual(['aaaaaa']);
    expect(logsOf(home)).toEqual(['bbbbbb.log', 'bbbbbb.log.4', 'notes.txt', 'up.log']);
  });

  test('never removes those of a server that has a record or is wanted', async () => {
    await store.registry.register(sampleRecord({ id: 'cccccc' }), null);
    await store.registry.register(sampleRecord({ id: 'dddddd' }), sampleDesired());
    await store.registry.deregister('dddddd');
    const home = homeWith({ 'cccccc.log': 100, 'dddddd.log': 100, 'eeeeee.log': 100 });
    expect(await sweepLogs(home, store.registry, 7 * DAY_MS)).toEqual(['eeeeee']);
    expect(logsOf(home)).toEqual(['cccccc.log', 'dddddd.log']);
  });

  test('leaves what it cannot remove, without a word', async () => {
    const home = homeWith({ 'bbbbbb.log': 8 });
    const stuck = join(home, 'logs', 'aaaaaa.log');
    mkdirSync(stuck);
    utimesSync(stuck, 0, 0);
    expect(await sweepLogs(home, store.registry, 7 * DAY_MS)).toEqual(['bbbbbb']);
    expect(logsOf(home)).toEqual(['aaaaaa.log']);
  });

  test('does not ask Redis where nothing is old, nor mind a state folder without logs', async () => {
    const deaf = { fleet: () => Promise.reject(new Error('asked')) };
    expect(await sweepLogs(homeWith({ 'aaaaaa.log': 1 }), deaf, 7 * DAY_MS)).toEqual([]);
    expect(await sweepLogs('/no/such/home', deaf, 7 * DAY_MS)).toEqual([]);
  });
});

describe('what a server does for its files', () => {
  test('a log that has been quiet is marked as in use, so a fleet on another Redis spares it', async () => {
    const home = homeWith({ 'aaaaaa.log': 8 });
    touchLog(join(home, 'logs', 'aaaaaa.log'), new Date(), 3_600_000);
    expect(await sweepLogs(home, store.registry, 7 * DAY_MS)).toEqual([]);
    expect(existsSync(join(home, 'logs', 'aaaaaa.log'))).toBe(true);
  });

  test('a raw log is emptied once it is too big, and a missing one is no trouble', () => {
    const home = homeWith({ 'aaaaaa.err': 0 });
    const path = join(home, 'logs', 'aaaaaa.err');
    capRawLog(path, 5);
    expect(statSync(path).size).toBe(5);
    capRawLog(path, 4);
    expect(statSync(path).size).toBe(0);
    capRawLog(join(home, 'none.err'), 4);
    touchLog(join(home, 'none.log'), new Date(), 3_600_000);
  });
});
