import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { finish, ownProcesses } from '../helpers/cli.ts';
import { type FleetSite, openFleetSite } from '../helpers/fleet-site.ts';
import { keepAsking } from '../helpers/load.ts';
import { unpackOldVersion } from '../helpers/old-version.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const WORKER = join(import.meta.dirname, '..', 'fixtures', 'worker.mjs');
const work = (...words: string[]) => ['--no-http', '--', process.execPath, WORKER, ...words];

let site: FleetSite;

beforeAll(async () => {
  site = await openFleetSite();
});
afterAll(() => site.close());
afterEach(() => site.clear());

const log = ({ id }: Row) => readFileSync(join(site.home, 'logs', `${id}.log`), 'utf8');
const isAlive = (pid: number | undefined) => ownProcesses(site.home).some((each) => each === pid);

describe('a program spawned with --no-http', () => {
  test('is listed as up, with its pid, without a url, is told no port, is 404 at that of its server, and has no page of health', async () => {
    const row = await site.spawnOne(...work('mail'));
    expect(row).toMatchObject({ state: 'up', http: false, worker: { pid: expect.any(Number) } });
    expect(row.program).toBeUndefined();
    expect(log(row)).toContain(`begun ${row.worker?.pid} PORT=undefined mail`);
    const { stdout } = await site.call(['ls']);
    expect(stdout).toMatch(new RegExp(`${row.id} +- +up .* - +- +/`));
    expect((await site.call(['ls', '-q'])).stdout).toBe('');

    // Of requests and of pages of health it knows nothing.
    const { url, id } = row;
    const [page, health] = await Promise.all([fetch(url), fetch(`${url}/healthz`)]);
    expect([page.status, await page.text()]).toEqual([404, expect.stringContaining('no requests')]);
    expect(await health.json()).toEqual({ id, state: 'up' });
    const refused = await site.call(['restart', id, '--health', '/up']);
    const why = expect.stringContaining('takes no requests (--no-http)');
    expect([refused.code, refused.stderr]).toEqual([2, why]);
    expect((await site.liveNow()).map((live) => live.id)).toEqual([id]);
  });

  test('goes only by its name, or with all, and with its server when that is killed', async () => {
    const row = await site.spawnOne(...work());
    const { code, stderr } = await site.call(['destroy', '--force']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('Name a worker by its id')]);
    const second = await site.call(['spawn', '-q', ...work()]);
    expect(second.stdout).toMatch(/^[a-z2-9]{6}\n$/);
    const [killed] = (await site.liveNow()).filter(({ id }) => id !== row.id);
    process.kill(killed?.pid ?? Number.NaN, 'SIGKILL');
    await until('nothing is left of it', () => !isAlive(killed?.worker?.pid));
    expect(isAlive(row.worker?.pid)).toBe(true);
    expect((await site.call(['destroy', '--all'])).stdout).toContain(row.id);
  });

  test('that ends at once is not started, and says why', async () => {
    const words = ['spawn', '--no-http', '--', 'sh', '-c', 'echo no mailbox; exit 3'];
    const { code, stderr } = await site.call(words);
    expect(code).toBe(5);
    expect(stderr).toContain('ended with exit code 3 before it was ready');
    expect(stderr).toContain('no mailbox');
    expect(stderr).toContain('With --no-http it has to run on');
    expect(await site.list()).toEqual([]);
  });

  test('is started again when it ends, by itself or killed', async () => {
    const keeper = await site.keep();
    let row = await site.spawnOne(...work());
    for (const signal of ['SIGKILL', 'SIGUSR2'] as const) {
      const before = await site.list();
      process.kill(row.worker?.pid ?? Number.NaN, signal);
      const next = await site.newcomer(before);
      expect(next).toMatchObject({ http: false, state: 'up' });
      expect(isAlive(row.worker?.pid)).toBe(false);
      row = next;
    }
    keeper.kill('SIGTERM');
    await keeper.ended;
  });

  test('is replaced by restart, beside a door that never hears of it', async () => {
    const before = await site.spawnOne(...work());
    const port = String(await freePort());
    const door = site.go('proxy', '--port', port, '--no-admin');
    await until('the door lives', async () => (await site.raw.keys('{meow}:door:*')).length > 0);
    const { code, stdout, stderr } = await site.call(['restart', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const [after] = JSON.parse(stdout) as Row[];
    expect(after).toMatchObject({ http: false, state: 'up' });
    expect(after?.id).not.toBe(before.id);
    expect(isAlive(before.worker?.pid)).toBe(false);
    door.kill('SIGTERM');
    await door.ended;
  });

  test('finishes on its drain signal before its server leaves', async () => {
    const row = await site.spawnOne('--drain-signal', 'SIGUSR2', ...work());
    const { code } = await site.call(['destroy', row.id]);
    expect(code).toBe(0);
    expect(log(row)).toContain('finished the last round');
    expect(ownProcesses(site.home)).toEqual([]);
  });

  test('that does not finish within the time to drain gets SIGTERM', async () => {
    const stubborn = `trap '' USR2; echo begun; while :; do sleep 0.05; done`;
    const words = ['--no-http', '--', 'sh', '-c', stubborn];
    const row = await site.spawnOne('--drain-signal', 'SIGUSR2', ...words);
    const { code } = await site.call(['destroy', row.id, '--drain-timeout', '0.3']);
    expect(code).toBe(0);
    expect(isAlive(row.worker?.pid)).toBe(false);
  });

  test('is stopped by scale 0, and comes back with scale, as many as there were', async () => {
    await site.spawn('2', ...work());
    const stopped = await site.call(['scale', '0']);
    expect(stopped.code).toBe(0);
    expect((await site.list()).map(({ state, http }) => [state, http])).toEqual([
      ['stopped', false],
      ['stopped', false],
    ]);
    const { code, stdout } = await site.call(['scale', '2', '-q', ...work()]);
    expect([code, stdout.trim().split('\n').length]).toEqual([0, 2]);
    expect((await site.liveNow()).map(({ http }) => http)).toEqual([false, false]);
  });
});

describe('a worker beside servers', () => {
  test.each(['new', 'old'] as const)(
    'gets no request of a door of the %s version',
    async (version) => {
      const old = unpackOldVersion(site);
      await site.spawn('2');
      await site.spawnOne(...work());
      const port = String(await freePort());
      const asked = ['proxy', '--port', port, '--no-admin'];
      const door = version === 'old' ? old.start(asked) : site.start(asked);
      const url = `http://127.0.0.1:${port}/test`;
      await until('the door serves', async () => (await fetch(url).catch(() => null))?.ok);
      const load = keepAsking(url, { workers: 2, pauseMs: 10 });
      const { code } = await site.call(['restart']);
      expect(code).toBe(0);
      const { sent, failures } = await load.stop();
      expect([sent > 10, failures]).toEqual([true, []]);
      door.kill('SIGTERM');
      await finish(door);
      old.remove();
    },
  );

  test('is not what destroy takes at random, nor a reason to take the last server, nor meant by scale or spawn', async () => {
    const [one] = await site.spawn('1');
    const worker = await site.spawnOne(...work());
    const last = await site.call(['destroy']);
    expect([last.code, last.stderr]).toEqual([1, expect.stringContaining(`${one?.id} on port`)]);
    const named = await site.call(['destroy', one?.id ?? '']);
    expect([named.code, named.stderr]).toEqual([1, expect.stringContaining('is the last one')]);
    expect((await site.call(['scale', '2'])).code).toBe(0);
    await site.spawn();
    const apps = (await site.liveNow()).map(({ app }) => app.split(' ').at(-1));
    expect(apps.filter((app) => app === 'cat')).toHaveLength(3);
    expect(apps.filter((app) => app === WORKER)).toHaveLength(1);
    expect((await site.call(['destroy', worker.id])).code).toBe(0);
    expect((await site.liveNow()).map(({ id }) => id)).toContain(one?.id);
    expect((await site.liveNow()).map(({ id }) => id)).not.toContain(worker.id);
  });

  test('of the same command line is another app than the servers', async () => {
    // The usual pair of a site and its worker from one program.
    const port = [
      '-e',
      'process.env.PORT ? require("http").createServer((_, r) => r.end("web")).listen(process.env.PORT) : setInterval(() => {}, 1000)',
    ];
    const command = ['--', process.execPath, ...port];
    const worker = await site.spawnOne('--no-http', ...command);
    await site.spawn('2', ...command);
    expect((await site.call(['scale', '1'])).code).toBe(0);
    expect((await site.call(['scale', '3', ...command])).code).toBe(0);
    const kinds = (await site.liveNow()).map(({ http }) => http !== false);
    expect(kinds.filter(Boolean)).toHaveLength(3);
    expect((await site.call(['scale', '0', '--no-http', ...command])).code).toBe(0);
    const left = await site.liveNow();
    expect(left.map(({ http }) => http)).toEqual([undefined, undefined, undefined]);
    expect(left.map(({ id }) => id)).not.toContain(worker.id);
  });

  test('is no fleet: up brings up servers besides', async () => {
    const worker = await site.spawnOne(...work());
    const port = String(await freePort());
    const up = site.go('up', '--port', port, '--no-admin');
    await until('all is up', () => up.said().includes('Ctrl-C'));
    const live = await site.liveNow();
    expect(live.filter(({ http }) => http === false).map(({ id }) => id)).toEqual([worker.id]);
    expect(live.filter(({ app }) => app === 'cat')).toHaveLength(2);
    expect((await fetch(`http://127.0.0.1:${port}/test`)).status).toBe(200);
    up.kill('SIGTERM');
    await up.ended;
  });

  test('comes back as it is with up, whatever app that names', async () => {
    await site.spawn('1');
    await site.spawn('1', ...work());
    await site.call(['scale', '0']);
    await site.call(['scale', '0', ...work()]);
    const app = site.write('app.mjs', 'export default (_, response) => response.end("app");\n');
    const port = String(await freePort());
    const up = site.go('up', '-n', '2', '--app', app, '--port', port, '--no-admin');
    await until('all is up', () => up.said().includes('Ctrl-C'));
    const live = await site.liveNow();
    expect(live.filter(({ http }) => http === false).map(({ app: name }) => name)).toEqual([
      `${process.execPath} ${WORKER}`,
    ]);
    expect(live.filter(({ app: name }) => name === app)).toHaveLength(2);
    expect(up.said()).toMatch(/worker {3}[a-z2-9]{6}/);
    up.kill('SIGTERM');
    await up.ended;
    await until('nothing runs', () => ownProcesses(site.home).length === 0);
  });
});
