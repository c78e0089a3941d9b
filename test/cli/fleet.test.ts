import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/rows.ts';
import { openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleIntent, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

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

const health = async (url: string) => (await fetch(`${url}/healthz`)).json();

describe('spawn', () => {
  test('returns when the server serves, and lists it as up', async () => {
    const { code, stdout } = await site.run(['spawn', '--json']);
    expect(code).toBe(0);
    const [server] = JSON.parse(stdout);
    expect(await health(server.url)).toEqual({ id: server.id, state: 'up' });
    expect(await site.list()).toMatchObject([{ id: server.id, state: 'up', pid: server.pid }]);
    expect(await raw.hexists('{meow}:intents', server.id)).toBe(1);
  });

  test('twenty at the same moment give twenty servers on twenty ports', async () => {
    const results = await Promise.all(
      Array.from({ length: 4 }, () => site.run(['spawn', '5', '-q'])),
    );
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const rows = await site.list();
    expect(new Set(rows.map(({ port }) => port)).size).toBe(20);
    expect(rows.every(({ state }) => state === 'up')).toBe(true);
  });

  test('a port that is taken exits 1, names it, and leaves no child', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    const { code, stdout, stderr } = await site.run(['spawn', '--port', String(port)]);
    holder.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(`port ${port} is in use`);
    await until('no child is left', () => ownProcesses(site.home).length === 0);
    expect(await site.list()).toEqual([]);
  });

  test('serving by hand where it cannot listen ends too, with exit 1', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    for (const where of [`--port=${port}`, '--host=192.0.2.1']) {
      const { code, stderr } = await site.run(['serve', where]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^meowctl: .*\n {2}\S.*\n$/);
    }
    holder.close();
  });

  test('of many with one port, one wins', async () => {
    const port = String(await freePort());
    const results = await Promise.all(
      Array.from({ length: 6 }, () => site.run(['spawn', '--port', port])),
    );
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1, 1, 1]);
    expect(await site.list()).toHaveLength(1);
  });

  test('never puts the password of Redis on a command line', async () => {
    await site.run(['spawn']);
    const [server] = await site.list();
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(`/proc/${server?.pid}/cmdline`, 'utf8')).not.toContain('redis://');
  });
});

test('`ls --json` prints what tests take for the list', async () => {
  await site.run(['spawn', '2']);
  const shown = JSON.parse((await site.run(['ls', '--json'])).stdout) as Row[];
  const listed = await site.list();
  expect(shown.map(({ id, state }) => [id, state])).toEqual(
    listed.map(({ id, state }) => [id, state]),
  );
  expect(Object.keys(shown[0] ?? {})).toEqual(Object.keys(listed[0] ?? {}));
});

describe('destroy', () => {
  test('takes out a random server, and its process is gone when it returns', async () => {
    await site.run(['spawn', '3']);
    const before = await site.list();
    const { code, stdout } = await site.run(['destroy', '--json']);
    expect(code).toBe(0);
    const [gone] = JSON.parse(stdout);
    expect(before.map(({ id }) => id)).toContain(gone.id);
    expect(await site.list()).toHaveLength(2);
    await until('the process is gone', () => !ownProcesses(site.home).includes(gone.pid));
  });

  test('takes ids, ports and urls', async () => {
    await site.run(['spawn', '4']);
    const [a, b, c] = await site.list();
    const names = [a?.id ?? '', String(b?.port), c?.url ?? ''];
    expect((await site.run(['destroy', ...names])).code).toBe(0);
    expect(await site.list()).toHaveLength(1);
  });

  test('keeps the last server unless it is forced', async () => {
    await site.run(['spawn']);
    const [server] = await site.list();
    for (const names of [[], [server?.id ?? '']]) {
      const { code, stderr } = await site.run(['destroy', ...names]);
      expect(code).toBe(1);
      expect(stderr).toContain('--force');
    }
    expect(await site.list()).toHaveLength(1);
    expect((await site.run(['destroy', '--force'])).code).toBe(0);
    expect(await site.list()).toEqual([]);
  });

  test('the same server from many terminals is destroyed once, and nobody hangs', async () => {
    await site.run(['spawn', '2']);
    const [server] = await site.list();
    const results = await Promise.all(
      Array.from({ length: 6 }, () => site.run(['destroy', server?.id ?? ''])),
    );
    const codes = results.map(({ code }) => code);
    expect(codes).toContain(0);
    expect(codes.filter((code) => code !== 0 && code !== 3)).toEqual([]);
    expect(await site.list()).toHaveLength(1);
  });

  test('of all lists them by port', async () => {
    await site.run(['spawn', '5']);
    const ids = (await site.list()).map(({ id }) => id);
    const { stdout } = await site.run(['destroy', '--all', '-q']);
    expect(stdout.trim().split('\n')).toEqual(ids);
  });

  test('of nobody exits 3, and --all of none exits 0', async () => {
    expect((await site.run(['destroy', 'zzz999'])).code).toBe(3);
    expect((await site.run(['destroy', String(process.pid)])).code).toBe(3);
    expect((await site.run(['destroy'])).code).toBe(3);
    expect((await site.run(['destroy', '--all'])).code).toBe(0);
  });

  test('of a server that has only an intent removes the intent', async () => {
    await raw.hset('{meow}:intents', 'abc234', JSON.stringify(sampleIntent()));
    expect((await site.run(['destroy', 'abc234', '--force'])).code).toBe(0);
    expect(await raw.hlen('{meow}:intents')).toBe(0);
  });

  test('never signals a process whose pid was recycled', async () => {
    await site.run(['spawn']);
    const [live] = await site.list();
    // A record of this host that claims this very test's process.
    const claim = { ...live, id: 'fake22', pid: process.pid, port: 3999, state: 'up' as const };
    const record = sampleRecord({ ...claim, url: 'http://127.0.0.1:3999' });
    await raw.hset('{meow}:servers', 'fake22', JSON.stringify(record));
    await raw.zadd('{meow}:leases', 1, 'fake22');
    const { code } = await site.run(['destroy', 'fake22', '--timeout', '0']);
    expect([0, 5]).toContain(code);
    expect(process.exitCode).toBeUndefined(); // still here
    expect((await site.list()).map(({ id }) => id)).toEqual([live?.id]);
  });
});

describe('a server', () => {
  test('that is killed is listed as lost once its lease ran out', async () => {
    await site.run(['spawn', '2']);
    const [dead] = await site.list();
    process.kill(dead?.pid ?? 0, 'SIGKILL');
    await until('it is lost', async () => (await site.list())[0]?.state === 'lost');
  });

  test('leaves in order on SIGTERM: gone from the list, exit 0, its intent stopped', async () => {
    const child = site.start(['serve', '--drain', '2']);
    // Killed the moment it is known, and maybe before it says that it serves.
    const server = await until('it is known', async () => (await site.list())[0]);
    const code = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await code).toBe(0);
    expect(await site.list()).toEqual([]);
    expect(await raw.hexists('{meow}:intents', server?.id ?? '')).toBe(0);
  });

  test('registers itself again after Redis was emptied', async () => {
    await site.run(['spawn']);
    const [before] = await site.list();
    await raw.flushall();
    await until('it is back', async () => (await site.list())[0]?.id === before?.id);
    await until('it is wanted', async () => (await raw.hlen('{meow}:intents')) === 1);
  });
});
