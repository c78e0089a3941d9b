import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { openSite, ownProcesses, type Result, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { sampleDesired, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

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

const health = async (url: string) => (await fetch(`${url}/healthz`)).json();

describe('a fleet that four terminals spawn at once', () => {
  let spawned: Result[];

  beforeAll(async () => {
    spawned = await Promise.all(Array.from({ length: 4 }, () => site.run(['spawn', '2', '-q'])));
  });
  afterAll(() => site.clear());

  test('is eight servers on eight ports', async () => {
    expect(spawned.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const rows = await site.list();
    expect(new Set(rows.map(({ port }) => port)).size).toBe(8);
    expect(rows.every(({ state }) => state === 'up')).toBe(true);
  });

  test('has the password of Redis on no command line', async () => {
    for (const { pid } of await site.list()) {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('redis://');
    }
  });

  test('is listed by `ls --json` as tests take it', async () => {
    const counted = (rows: readonly Row[]) => rows.every(({ figures }) => figures !== undefined);
    await until('each has sent its figures', async () => counted(await site.list()));
    const shown = JSON.parse((await site.call(['ls', '--json'])).stdout) as Row[];
    const listed = await site.list();
    const states = (rows: readonly Row[]) => rows.map(({ id, state }) => [id, state]);
    expect(states(shown)).toEqual(states(listed));
    expect(Object.keys(shown[0] ?? {})).toEqual(Object.keys(listed[0] ?? {}));
  });

  test('loses a random server by `destroy`, whose process is gone when it returns', async () => {
    const before = await site.list();
    const { code, stdout } = await site.call(['destroy', '--json']);
    expect(code).toBe(0);
    const [gone] = JSON.parse(stdout);
    expect(before.map(({ id }) => id)).toContain(gone.id);
    expect(await site.list()).toHaveLength(before.length - 1);
    await until('the process is gone', () => !ownProcesses(site.home).includes(gone.pid));
  });

  test('loses those whose id, port or url is named', async () => {
    const [a, b, c, ...others] = await site.list();
    const names = [a?.id ?? '', String(b?.port), c?.url ?? ''];
    expect((await site.call(['destroy', ...names])).code).toBe(0);
    expect((await site.list()).map(({ id }) => id)).toEqual(others.map(({ id }) => id));
  });

  test('loses the same one once, though five terminals destroy it, and nobody hangs', async () => {
    const [server, ...others] = await site.list();
    const results = await Promise.all(
      Array.from({ length: 5 }, () => site.run(['destroy', server?.id ?? ''])),
    );
    const codes = results.map(({ code }) => code);
    expect(codes).toContain(0);
    expect(codes.filter((code) => code !== 0 && code !== 3)).toEqual([]);
    expect(await site.list()).toHaveLength(others.length);
  });

  test('is listed by port when all of it is destroyed', async () => {
    const ids = (await site.list()).map(({ id }) => id);
    const { stdout } = await site.call(['destroy', '--all', '-q']);
    expect(stdout.trim().split('\n')).toEqual(ids);
  });
});

describe('one server', () => {
  let server: Row;

  beforeAll(async () => {
    const { code, stdout } = await site.call(['spawn', '--json']);
    expect(code).toBe(0);
    [server] = JSON.parse(stdout);
  });
  afterAll(() => site.clear());

  test('serves when `spawn` returns, and is listed as up', async () => {
    expect(await health(server.url)).toEqual({ id: server.id, state: 'up' });
    expect(await site.list()).toMatchObject([{ id: server.id, state: 'up', pid: server.pid }]);
    expect(await raw.hexists('{meow}:intents', server.id)).toBe(1);
  });

  test('registers itself again after Redis was emptied', async () => {
    await raw.flushall();
    await until('it is back', async () => (await site.list())[0]?.id === server.id);
    await until('it is wanted', async () => (await raw.hlen('{meow}:intents')) === 1);
  });

  test('is not taken for one whose pid was recycled: no such process is signalled', async () => {
    const [live] = await site.list();
    // A record of this host that claims this very test's process.
    const claim = { ...live, id: 'fake22', pid: process.pid, port: 3999, state: 'up' as const };
    const record = sampleRecord({ ...claim, url: 'http://127.0.0.1:3999' });
    await raw.hset('{meow}:servers', 'fake22', JSON.stringify(record));
    await raw.zadd('{meow}:leases', 1, 'fake22');
    const { code } = await site.call(['destroy', 'fake22', '--drain-timeout', '0']);
    expect([0, 5]).toContain(code);
    expect(process.exitCode).toBeUndefined(); // still here
    expect((await site.list()).map(({ id }) => id)).toEqual([server.id]);
  });

  test('that is the last one is kept unless `destroy` is forced', async () => {
    for (const names of [[], [server.id]]) {
      const { code, stderr } = await site.call(['destroy', ...names]);
      expect(code).toBe(1);
      expect(stderr).toContain('--force');
    }
    expect(await site.list()).toHaveLength(1);
    expect((await site.call(['destroy', '--force'])).code).toBe(0);
    expect(await site.list()).toEqual([]);
  });

  test('leaves in order on SIGTERM: gone from the list, exit 0, its desired server stopped', async () => {
    const child = site.start(['serve', '--drain-timeout', '2']);
    // Killed the moment it is known, and maybe before it says that it serves.
    const served = await until('it is known', async () => (await site.list())[0]);
    const code = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await code).toBe(0);
    expect(await site.list()).toEqual([]);
    expect(await raw.hexists('{meow}:intents', served.id)).toBe(0);
  });

  test('that is killed is listed as lost once its lease ran out', async () => {
    const child = site.start(['serve']);
    const dead = await until('it is known', async () => (await site.list())[0]);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    // Shorter than it was given.
    const endMs = Date.now() + 1_000;
    await raw.zadd('{meow}:leases', endMs, dead.id);
    expect((await site.list())[0]?.state).not.toBe('lost');
    await until('it is lost', async () => (await site.list())[0]?.state === 'lost');
    expect(Date.now()).toBeGreaterThanOrEqual(endMs);
  });
});

describe('a port', () => {
  afterEach(() => site.clear());

  test('that is taken: spawn exits 1, names it, and leaves no child', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    const { code, stdout, stderr } = await site.call(['spawn', '--port', String(port)]);
    holder.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')[0]).toContain(`port ${port} is in use`);
    await until('no child is left', () => ownProcesses(site.home).length === 0);
    expect(await site.list()).toEqual([]);
  });

  test('that is taken, or a host that is not here: serving by hand exits 1 too', async () => {
    const port = await freePort();
    const holder = createServer().listen(port, '127.0.0.1');
    for (const where of [`--port=${port}`, '--host=192.0.2.1']) {
      const { code, stderr } = await site.run(['serve', where]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^meowctl: .*\n {2}\S.*\n$/);
    }
    holder.close();
  });

  test('goes to one of those that ask for it at once', async () => {
    const port = String(await freePort());
    const results = await Promise.all(
      Array.from({ length: 4 }, () => site.run(['spawn', '--port', port])),
    );
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1]);
    expect(await site.list()).toHaveLength(1);
  });
});

describe('destroy', () => {
  test('of nobody exits 3, and --all of none exits 0', async () => {
    expect((await site.call(['destroy', 'zzz999'])).code).toBe(3);
    expect((await site.call(['destroy', String(process.pid)])).code).toBe(3);
    expect((await site.call(['destroy'])).code).toBe(3);
    expect((await site.call(['destroy', '--all'])).code).toBe(0);
  });

  test('of a server that has only a desired server removes the desired server', async () => {
    await raw.hset('{meow}:intents', 'abc234', JSON.stringify(sampleDesired()));
    expect((await site.call(['destroy', 'abc234', '--force'])).code).toBe(0);
    expect(await raw.hlen('{meow}:intents')).toBe(0);
  });
});
