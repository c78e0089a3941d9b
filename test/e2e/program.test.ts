import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { defaults } from '../../src/defaults.ts';
import { APPS, type AppSite, echoed, openAppSite, PROGRAM, text } from '../helpers/app-site.ts';
import { ownProcesses } from '../helpers/cli.ts';
import { keepAsking } from '../helpers/load.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

let site: AppSite;

beforeAll(async () => {
  site = await openAppSite();
});
afterAll(() => site.close());

const serve = (...words: string[]) => ['--', process.execPath, PROGRAM, '{port}', ...words];

describe('four of a program that two terminals spawn at once', () => {
  let rows: readonly Row[];
  let each: number;

  beforeAll(async () => {
    const words = ['spawn', '2', '--env', 'SECRET=hush-4711', ...serve()];
    const runs = await Promise.all([1, 2].map(() => site.run(words)));
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    rows = await site.list();
    each = ownProcesses(site.home).length / rows.length;
  });
  afterAll(() => site.clear());

  const nth = (at: number) => rows[at] as Row;
  /** Waits until so many servers run with all that is theirs, and nothing else. */
  const left = (count: number) =>
    until('its processes are gone', () => ownProcesses(site.home).length === count * each);

  test('get a port each', async () => {
    const answers = await Promise.all(rows.map(({ url }) => text(url)));
    expect(new Set(answers.map((answer) => /program (\d+)/.exec(answer)?.[1])).size).toBe(4);
  });

  test('are told it by environment too, and variables only there', async () => {
    const env = JSON.parse(await text(`${nth(0).url}/env`)) as Record<string, string>;
    expect(await text(nth(0).url)).toContain(`on ${env.PORT} `);
    expect(env).toMatchObject({ SECRET: 'hush-4711' });
    expect(env.MEOW_APP).toBeUndefined();
    expect(site.commandLines().join()).not.toContain('hush-4711');
  });

  test('are listed with the pid and port of the program, its folder, and names alone of its variables', async () => {
    for (const row of await site.list()) {
      const [, pid, port] = /program (\d+) .*?on (\d+) /.exec(await text(row.url)) ?? [];
      expect(row.program).toEqual({ pid: Number(pid), port: Number(port) });
      expect(row).toMatchObject({ env: ['SECRET'], restarts: 0, folder: expect.any(String) });
    }
  });

  test('tell with each beat what their programs use, not what stands before them', async () => {
    const { program, id } = nth(3);
    const told = () => site.list().then((all) => all.find((row) => row.id === id)?.figures);
    const before = await until('it is told', told);
    const status = readFileSync(`/proc/${program?.pid}/status`, 'utf8');
    const rss = 1_024 * Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]);
    expect(before).toMatchObject({ heap: null, loopMs: null, restarts: 0 });
    // The guard in its group is a shell.
    expect(before.rss).toBeGreaterThan(0.8 * rss);
    expect(before.rss).toBeLessThan(1.2 * rss + 4 * 1_024 * 1_024);
    for (let asked = 0; asked < 300; asked += 1) await text(nth(3).url);
    await until('it has worked', async () => (await told())?.cpuMs !== before.cpuMs);
  });

  test('take upgrades', async () => {
    expect(await echoed(nth(0).url, 'meow?')).toBe('meow?');
  });

  test('are failing where the program does not answer any more', async () => {
    const pid = Number(/program (\d+)/.exec(await text(nth(0).url))?.[1]);
    process.kill(pid, 'SIGSTOP');
    const answer = await until('it is found out', async () => {
      const said = await fetch(`${nth(0).url}/healthz`);
      return said.status === 503 && said;
    });
    process.kill(pid, 'SIGCONT');
    expect(await answer.json()).toEqual({ id: nth(0).id, state: 'failing' });
    await until('it is well', async () => (await fetch(`${nth(0).url}/healthz`)).ok);
  });

  test('finish what they have before they end, and are gone with their server', async () => {
    const slow = await fetch(`${nth(1).url}/slow`); // its first words are here
    const { code } = await site.call(['destroy', nth(1).id]);
    expect(code).toBe(0);
    expect(await slow.text()).toMatch(/^begun, program .* got \/slow/);
    expect(ownProcesses(site.home)).toHaveLength(3 * each);
  });

  test('take their server out at once when they die; it is still wanted', async () => {
    await fetch(`${nth(2).url}/die`).catch(() => {});
    await left(2);
    expect(await site.raw.hexists('{meow}:servers', nth(2).id)).toBe(0);
    const desired = JSON.parse((await site.raw.hget('{meow}:intents', nth(2).id)) ?? '');
    expect(desired.state).toBe('wanted');
    expect(site.log(nth(2))).toContain('ended with exit code 3');
  });

  test('do not outlive a server that is killed', async () => {
    process.kill(nth(3).pid, 'SIGKILL');
    await left(1);
  });
});

describe('spawn -- program', () => {
  afterEach(() => site.clear());

  testWith(needs.python, 'serves a folder with python, streams and all', async () => {
    const row = await site.spawn(['--', 'python3', '-m', 'http.server', '{port}']);
    expect(await text(row.url)).toContain('koa.js');
    expect(await text(`${row.url}/koa.js`)).toBe(readFileSync(join(APPS, 'koa.js'), 'utf8'));
    expect(JSON.parse(await text(`${row.url}/healthz`))).toEqual({ id: row.id, state: 'up' });
    expect(row.app).toBe('python3 -m http.server {port}');
  });

  test('waits until its health path answers below 500', async () => {
    const before = performance.now();
    const row = await site.spawn(serve('broken'));
    expect(performance.now() - before).toBeGreaterThan(1_000);
    expect((await fetch(row.url)).status).toBe(200);
  });

  test('takes another port when somebody has the first one', async () => {
    const port = await freePort();
    const inner = port + 10_000 > 65_535 ? port + 10_000 - 64_512 : port + 10_000;
    const stranger = createServer().listen(inner, '127.0.0.1');
    const row = await site.spawn(['--port', String(port), ...serve()]);
    stranger.close();
    expect(await text(row.url)).toMatch(/^program/);
    expect(await text(row.url)).not.toContain(`on ${inner} `);
  });

  test.each([
    ['ends at once', ['sh', '-c', 'echo oops >&2; exit 4'], /ended with exit code 4/, /oops/],
    ['is not there', ['no-such-program'], /was not found/, /not found/],
    [
      'never answers',
      [process.execPath, PROGRAM, '{port}', 'silent'],
      /listens nowhere after/,
      /Let it listen on \{port\}/,
    ],
  ])('of one that %s exits 5 with its log, and leaves nothing', async (_, words, why, tail) => {
    const { code, stderr } = await site.call(['spawn', '--ready-timeout', '2', '--', ...words]);
    expect(code).toBe(5);
    expect(stderr).toMatch(why);
    expect(stderr).toMatch(tail);
    await site.nothingLeft();
    const keys = await site.raw.keys('{meow}:*');
    expect(keys.sort()).toEqual(['{meow}:events', '{meow}:registry', '{meow}:schema']);
  });

  test('that dies in the foreground exits 1', async () => {
    const child = site.start(['serve', ...serve()]);
    const code = new Promise((resolve) => child.once('exit', resolve));
    const row = await until('it serves', async () => (await site.list())[0]);
    await fetch(`${row.url}/die`).catch(() => {});
    expect(await code).toBe(1);
    expect(await site.list()).toEqual([]);
  });

  test('is told when its server leaves; one that ignores SIGTERM is killed, and named', async () => {
    const how = ['--drain-signal', 'SIGUSR2', '--kill-timeout', '0.5'];
    const row = await site.spawn([...how, ...serve('deaf')]);
    const slow = await fetch(`${row.url}/slow`); // its first words are here
    const { code, stdout, stderr } = await site.call(['destroy', row.id, '--force', '--json']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^meowctl: server \w+ on port \d+: ".+" did not end by itself: killed after 0\.5 s\n$/,
    );
    expect(JSON.parse(stdout)).toMatchObject([{ id: row.id, state: 'gone', killedAfterMs: 500 }]);
    expect(await slow.text()).toMatch(/^begun, program /);
    expect(ownProcesses(site.home)).toEqual([]);
    const log = site.log(row);
    expect(log).toMatch(
      /heard that it leaves\n.*no\n.*did not end by itself: killed after 0\.5 s/s,
    );
  });

  test('that is still starting when spawn is interrupted is gone with it', async () => {
    const child = site.start(['spawn', ...serve('silent')]);
    const code = new Promise((resolve) => child.once('exit', resolve));
    const its = `${process.execPath}\0${PROGRAM}\0`;
    await until('it runs', () => site.commandLines().some((line) => line.startsWith(its)));
    child.kill('SIGINT');
    expect(await code).toBe(130);
    await site.nothingLeft();
  });

  test('loses no request when one of its servers goes, or its program is killed', async () => {
    const port = String(await freePort());
    site.start(['proxy', '--port', port, '--no-admin']);
    expect((await site.call(['spawn', '3', ...serve()])).code).toBe(0);
    const rows = await site.list();
    await until('the door uses them', async () =>
      (await site.list()).every(({ doors }) => doors[0] === 'usable'),
    );
    // No more at once than may be repeated in any second, however few a busy machine lets through.
    const asking = keepAsking(`http://127.0.0.1:${port}/`, { workers: defaults.retryFloor });
    await until('there is load', () => asking.good() > 20);
    expect((await site.call(['destroy', rows[0]?.id ?? ''])).code).toBe(0);
    const victim = rows[1] ?? rows[2];
    for (const pid of victim ? programIn(victim.pid) : []) process.kill(pid, 'SIGKILL');
    await until('its server has left', async () =>
      (await site.list()).every(({ id, state }) => id !== victim?.id || state === 'lost'),
    );
    expect((await asking.stop()).failures).toEqual([]);
  });
});

/** The pids of a server's children. */
function programIn(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
