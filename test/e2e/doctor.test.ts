import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { machineAsItIs } from '../../src/process/identity.ts';
import { RIGHTS } from '../../src/store/examine.ts';
import { BIN, finish, openSite, type Result, type Site } from '../helpers/cli.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort, startRedis } from '../helpers/redis.ts';
import { addUser, documentedRule } from '../helpers/rights.ts';
import { openStore, sampleRecord } from '../helpers/store.ts';
import { until } from '../helpers/until.ts';

interface Found {
  readonly check: string;
  readonly ok: boolean | 'warn';
  readonly says: string;
  readonly remedy: string | null;
}

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite(['--appendonly', 'yes']);
  raw = new Redis(site.redis.url);
});
afterEach(() => site.clear());
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

/** What it found, by the name of the check. */
function read({ stdout, code }: Result) {
  const all = JSON.parse(stdout) as Found[];
  const of = (name: string) => all.find(({ check }) => check === name);
  return { code, all, of };
}

async function doctor(env: Readonly<Record<string, string>> = {}) {
  return read(await site.call(['doctor', '--json'], { env }));
}

/** As a program of the system runs it: one that limits, mounts or shifts the clock. */
async function doctorUnder(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [program = '', ...args] = command;
  const words = [...args, process.execPath, BIN, 'doctor', '--json'];
  return read(
    await finish(spawn(program, words, { env: { ...site.env, ...env }, cwd: site.home })),
  );
}

const wrong = (check: string, says: RegExp, remedy: RegExp) =>
  expect.objectContaining({
    check,
    ok: false,
    says: expect.stringMatching(says),
    remedy: expect.stringMatching(remedy),
  });
describe('doctor', () => {
  test('finds nothing wrong where nothing is, and exits 0', async () => {
    await site.call(['spawn', '2']);
    const { code, all, of } = await doctor();
    expect(all.filter(({ ok }) => ok === false)).toEqual([]);
    expect(code).toBe(0);
    for (const { ok, remedy } of all) expect(remedy === null).toBe(ok === true);
    const names = ['node', 'open-files', 'state-folder', 'disk', 'port-door', 'port-admin', 'ups'];
    const redis = ['redis', 'redis-latency', 'redis-persistence', 'redis-memory', 'redis-rights'];
    for (const name of [...names, ...redis, 'redis-writes', 'clock'])
      expect(of(name)).toBeDefined();
    expect(of('records')).toMatchObject({ ok: true, says: '2 servers, all with a lease' });
    expect(of('redis-persistence')?.ok).toBe(true);
  });

  test('prints a line for each check, and says on stderr how many are wrong', async () => {
    await raw.hset('{meow}:servers', 'xyz234', '\u001b[31mnonsense');
    const { code, stdout, stderr } = await site.call(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^wrong +entries +not ours, or damaged: .*xyz234.*\. See who else/m);
    expect(stdout).toMatch(/^ok +node +Node \d+/m);
    expect(stderr).toMatch(/^1 of \d+ checks found something wrong\n$/);
    expect(stdout).not.toContain('\u001b');
  });

  test('changes nothing: neither Redis, nor the state folder, nor makes one', async () => {
    await raw.hset('{meow}:servers', 'xyz234', 'nonsense');
    const home = mkdtempSync(join(tmpdir(), 'meow-test-doctor-'));
    writeFileSync(join(home, 'host.json'), 'damaged');
    const contents = async () => [
      await raw.keys('*'),
      await raw.hgetall('{meow}:servers'),
      readdirSync(home, { recursive: true }),
      statSync(home).mtimeMs,
      readFileSync(join(home, 'host.json'), 'utf8'),
    ];
    const before = await contents();
    await doctor({ MEOW_HOME: home });
    const missing = join(home, 'missing', 'too');
    const { of } = await doctor({ MEOW_HOME: missing });
    expect(await contents()).toEqual(before);
    expect(existsSync(missing)).toBe(false);
    expect(of('state-folder')?.says).toContain('is not there');
    rmSync(home, { recursive: true });
  });

  test.each([
    [['doctor', 'now'], 'arguments'],
    [['doctor', '--fix'], '"--fix"'],
  ])('%j is a wrong command line', async (args, named) => {
    const { code, stdout, stderr } = await site.call(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(named);
  });
});

describe('of a Redis, doctor says', () => {
  /** One of its own, with that on its command line. */
  async function withRedis(
    args: readonly string[],
    use: (url: string, raw: Redis) => Promise<void>,
  ) {
    const redis = await startRedis(args);
    const own = new Redis(redis.url);
    try {
      await use(redis.url, own);
    } finally {
      own.disconnect();
      await redis.stop();
    }
  }

  test('that it throws things away when it is full; a warning while it has no limit', async () => {
    const policy = ['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'yes'];
    await withRedis([...policy, '--maxmemory', '100mb'], async (REDIS_URL) => {
      const { code, of } = await doctor({ REDIS_URL });
      expect(of('redis-memory')).toEqual(wrong('redis-memory', /allkeys-lru/, /noeviction/));
      expect(code).toBe(1);
    });
    await withRedis(policy, async (REDIS_URL) => {
      const { code, of } = await doctor({ REDIS_URL });
      expect(of('redis-memory')?.ok).toBe('warn');
      expect(code).toBe(0);
    });
  });

  test('that it is nearly full', async () => {
    await withRedis([], async (REDIS_URL, redis) => {
      const used = Number(/used_memory:(\d+)/.exec(await redis.info())?.[1]);
      await redis.config('SET', 'maxmemory', String(Math.ceil(used * 1.04)));
      const { of } = await doctor({ REDIS_URL });
      expect(of('redis-memory')).toMatchObject({ ok: 'warn' });
      expect(of('redis-memory')?.says).toMatch(/ \d{2,3} % of its maxmemory/);
    });
  });

  test('that it keeps nothing on its disk, or only snapshots', async () => {
    await withRedis([], async (REDIS_URL, redis) => {
      const { code, of } = await doctor({ REDIS_URL });
      expect(of('redis-persistence')).toMatchObject({ ok: 'warn' });
      expect(of('redis-persistence')?.remedy).toContain('appendonly yes');
      expect(code).toBe(0);
      await redis.bgsave();
      await until('it is saved', async () =>
        /rdb_last_bgsave_time_sec:\d/.test(await redis.info()),
      );
      expect((await doctor({ REDIS_URL })).of('redis-persistence')?.says).toContain('snapshot');
    });
  });

  test('that it cannot save, and takes no writes therefore', async () => {
    await withRedis(['--enable-protected-configs', 'yes'], async (REDIS_URL, redis) => {
      const gone = mkdtempSync(join(tmpdir(), 'meow-test-gone-'));
      await redis.config('SET', 'dir', gone);
      rmSync(gone, { recursive: true });
      await redis.config('SET', 'save', '3600 1');
      await redis.bgsave().catch(() => {});
      await until('it failed', async () => (await redis.info()).includes('last_bgsave_status:err'));
      const { code, of } = await doctor({ REDIS_URL });
      expect(of('redis-persistence')).toEqual(wrong('redis-persistence', /cannot save/, /room/));
      expect(of('redis-writes')).toEqual(wrong('redis-writes', /takes no writes/, /disk/));
      expect(code).toBe(1);
    });
  });

  test('which rights its user lacks, and that some may be done without', async () => {
    const all = documentedRule();
    const without = (...names: string[]) => [...all, ...names.map((name) => `-${name}`)];
    const rights = async (rule: string[]) =>
      (await doctor({ REDIS_URL: await addUser(site.redis, 'patient', rule) })).of('redis-rights');
    expect(await rights(all)).toMatchObject({ ok: true });
    expect(await rights(without('zrem', 'lpush'))).toEqual(
      wrong('redis-rights', /ZREM, LPUSH/, /ACL SETUSER <name> \+zrem \+lpush /),
    );
    expect(await rights(without('xadd', 'info'))).toMatchObject({ ok: 'warn' });
    const deaf = await rights([...all, 'resetchannels']);
    expect(deaf).toMatchObject({ ok: 'warn', says: 'this user may not run SUBSCRIBE, PUBLISH' });
    expect(deaf?.remedy).toContain("'&{meow}:changes' ");
    const { code, of } = await doctor({
      REDIS_URL: await addUser(site.redis, 'patient', without('eval')),
    });
    expect(of('redis')).toEqual(wrong('redis', /does not let this user run EVAL/, /\+eval/));
    expect(code).toBe(1);
    await raw.acl('DELUSER', 'patient');
  });

  test('what the documented rights are: the same as docs/operations.md', () => {
    const named = documentedRule().filter((word) => word.startsWith('+'));
    const ours = [...RIGHTS, 'EVAL'].map((name) => `+${name.toLowerCase()}`);
    expect(ours.sort()).toEqual(named.sort());
  });

  test('that it does not answer, hangs, or wants another password, and looks at the rest', async () => {
    const nobody = `redis://127.0.0.1:${await freePort()}`;
    const secret = site.redis.url.replace('//', '//nobody:wrong-secret@');
    for (const [REDIS_URL, says] of [
      [nobody, /refused/],
      ['http://what', /REDIS_URL "http:\/\/what"/],
      [secret, /refused the password/],
    ] as const) {
      const { code, all, of } = await doctor({ REDIS_URL });
      expect(of('redis')).toEqual(wrong('redis', says, /./));
      expect(code).toBe(1);
      expect(of('state-folder')?.ok).toBe(true);
      expect(JSON.stringify(all)).not.toContain('wrong-secret');
    }
    await site.redis.kill('SIGSTOP');
    const hanging = await doctor();
    await site.redis.kill('SIGCONT');
    expect(hanging.of('redis')?.ok).toBe(false);
    expect(hanging.of('disk')).toBeDefined();
  });

  test('that none answers where none is named', async () => {
    const { of } = await doctor({ REDIS_URL: '' });
    expect(of('redis')).toEqual(wrong('redis', /no Redis answers/, /meowctl up/));
  });

  testWith(needs.faketime, 'that its clock is another', async () => {
    const { code, of } = await doctorUnder(['faketime', '-f', '+1h']);
    expect(of('clock')?.says).toMatch(/Redis' clock is 3[56]\d\d\.\d s behind this host's/);
    expect(of('clock')?.ok).toBe('warn');
    expect(code).toBe(0);
  });
});

describe('of this machine, doctor says', () => {
  let home: string;
  const inFolder = async () => (await doctor({ MEOW_HOME: home })).of('state-folder');
  const fresh = () => {
    home = mkdtempSync(join(tmpdir(), 'meow-test-doctor-'));
    return home;
  };
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  test('who else may look into the state folder, or write there', async () => {
    fresh();
    chmodSync(home, 0o755);
    expect(await inFolder()).toMatchObject({ ok: 'warn', remedy: `chmod 700 ${home}` });
    chmodSync(home, 0o777);
    expect(await inFolder()).toEqual(wrong('state-folder', /everybody may write/, /chmod 700/));
  });

  test('that it is a file, cannot be made, or has a name that is too long', async () => {
    fresh();
    const folder = home;
    home = join(folder, 'file');
    writeFileSync(home, '');
    expect(await inFolder()).toEqual(wrong('state-folder', /is not a folder/, /MEOW_HOME/));
    home = join(folder, 'file', 'in-it');
    expect(await inFolder()).toEqual(
      wrong('state-folder', /file.in-it" cannot be used: not a directory/, /^Set MEOW_HOME/),
    );
    // 300 characters in all are no trouble; a name of so many is.
    home = join(folder, ...Array.from({ length: 10 }, () => 'n'.repeat(30)));
    expect(await inFolder()).toMatchObject({
      ok: true,
      says: expect.stringMatching(/not there yet/),
    });
    home = join(folder, 'n'.repeat(300));
    const { code, stdout, stderr } = await site.call(['doctor'], { env: { MEOW_HOME: home } });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^meowctl: MEOW_HOME ".*…" is too long: .*\n {2}Set MEOW_HOME to a shorter path\n$/,
    );
    home = folder;
  });

  testWith(needs.root, 'that it, or what is in it, is of another user', async () => {
    fresh();
    mkdirSync(join(home, 'wanted'));
    chownSync(join(home, 'wanted'), 65_534, 65_534);
    expect(await inFolder()).toEqual(
      wrong('state-folder', /wanted" belongs to user 65534/, /chown/),
    );
    chownSync(home, 65_534, 65_534);
    expect(await inFolder()).toEqual(wrong('state-folder', /belongs to user 65534/, /that user/));
  });

  testWith(needs.mount, 'that its disk is full, or read-only', async () => {
    fresh();
    const mounted = (options: string) => [
      ...['unshare', '-m', 'sh', '-c'],
      `mount -t tmpfs -o ${options} none ${home} && exec "$@"`,
      'sh',
    ];
    const full = await doctorUnder(mounted('size=1m,mode=700'), { MEOW_HOME: home });
    expect(full.of('disk')).toEqual(wrong('disk', /MiB free/, /Make room/));
    expect(full.code).toBe(1);
    const locked = await doctorUnder(mounted('ro,mode=700'), { MEOW_HOME: home });
    expect(locked.of('state-folder')).toEqual(wrong('state-folder', /[Rr]ead-only/, /writable/));
  });

  testWith(needs.prlimit, 'that few files may be open', async () => {
    const few = await doctorUnder(['prlimit', '-n64:64', '--']);
    expect(few.of('open-files')).toEqual(wrong('open-files', /^64 open files/, /ulimit -n/));
    expect(few.code).toBe(1);
    const some = await doctorUnder(['prlimit', '-n1024:1024', '--']);
    expect(some.of('open-files')?.ok).toBe('warn');
  });
});

describe('of a fleet, doctor says', () => {
  const here = () => {
    const { hostId, host, bootId, pidNs } = machineAsItIs(site.home);
    return { hostId, host, bootId, pidNs };
  };
  const plant = async (...records: Parameters<typeof sampleRecord>[0][]) => {
    const store = await openStore(site.redis.url);
    for (const record of records) await store.registry.register(sampleRecord(record), null);
    await store.close();
  };

  test('that the process of a record is gone', async () => {
    await site.call(['spawn', '2']);
    const [one] = await site.list();
    process.kill(one?.pid ?? Number.NaN, 'SIGKILL');
    const { code, of } = await doctor();
    expect(of('records')).toEqual(wrong('records', new RegExp(`gone of ${one?.id}`), /keep/));
    expect(code).toBe(1);
    await until('its lease has run out', async () => (await site.list())[0]?.state === 'lost');
    const later = await doctor();
    expect(later.of('wanted')).toEqual(wrong('wanted', new RegExp(`${one?.id}`), /meowctl keep/));
  });

  test('that a server runs which Redis does not know', async () => {
    await site.call(['spawn']);
    const [one] = await site.list();
    // One that is stopped does not write its record again.
    process.kill(one?.pid ?? Number.NaN, 'SIGSTOP');
    await raw.hdel('{meow}:servers', one?.id ?? '');
    const { code, of } = await doctor();
    const says = new RegExp(`${one?.id} \\(pid ${one?.pid}\\)`);
    expect(of('processes')).toEqual(wrong('processes', says, /meowctl logs/));
    expect(code).toBe(1);
    process.kill(one?.pid ?? Number.NaN, 'SIGCONT');
    await until('it is back', async () => (await site.list())[0]?.state === 'up');
    expect((await doctor()).of('processes')?.ok).toBe(true);
  });

  test('that send no heartbeat', async () => {
    await plant({ id: 'abc234' });
    await raw.zadd('{meow}:leases', 1, 'abc234');
    const { code, of } = await doctor();
    expect(of('records')).toMatchObject({ ok: 'warn' });
    expect(of('records')?.says).toMatch(/no heartbeat from abc234/);
    expect(code).toBe(0);
  });

  test('that two state folders go by one name, and that versions are mixed', async () => {
    const [one, other] = ['a'.repeat(16), 'b'.repeat(16)];
    await plant(
      { id: 'abc234', hostId: one, host: hostname() },
      { id: 'def234', hostId: other, host: hostname(), version: '0.1.0' },
    );
    const { code, of } = await doctor();
    expect(of('hosts')).toMatchObject({ ok: 'warn' });
    expect(of('hosts')?.says).toContain(`by one name: "${hostname()}"`);
    expect(of('versions')).toMatchObject({ ok: 'warn' });
    expect(of('versions')?.says).toContain('0.1.0');
    expect(code).toBe(0);
  });

  test('that a newer meowctl has changed what its keys mean', async () => {
    await raw.set('{meow}:schema', '9');
    const { code, of } = await doctor();
    expect(of('fleet')).toEqual(wrong('fleet', /newer meowctl: schema 9/, /Install that version/));
    expect(code).toBe(1);
  });

  test('that two ups of this machine keep one fleet', async () => {
    const others = mkdtempSync(join(tmpdir(), 'meow-test-doctor-'));
    const up = async (MEOW_HOME: string) => {
      const args = ['up', '-n', '0', '--port', String(await freePort()), '--no-admin'];
      return site.start(args, { env: { MEOW_HOME } });
    };
    const ups = [await up(site.home), await up(others)];
    await until(
      'both run',
      () => existsSync(join(site.home, 'up.json')) && existsSync(join(others, 'up.json')),
    );
    const { of } = await doctor();
    expect(of('ups')).toMatchObject({ ok: 'warn' });
    expect(of('ups')?.says).toContain(others);
    for (const each of ups) each.kill('SIGTERM');
    await until('both have ended', () => ups.every(({ exitCode }) => exitCode !== null));
    expect((await doctor()).of('ups')?.ok).toBe(true);
    rmSync(others, { recursive: true, force: true });
  });

  test('what it knows of a record planted for this host, and sends no signal', async () => {
    const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
    await plant({ id: 'abc234', ...here(), pid: bystander.pid ?? 0, pidStart: '1' });
    expect((await doctor()).of('records')?.ok).toBe(false);
    expect([bystander.exitCode, bystander.signalCode]).toEqual([null, null]);
    bystander.kill('SIGKILL');
  });
});
