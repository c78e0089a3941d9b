import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finish, openSite, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { ROOT } from '../helpers/run-here.ts';
import { until } from '../helpers/until.ts';

const canMount =
  process.geteuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

let site: Site;

beforeAll(async () => {
  site = await openSite();
  if (canMount) spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=700', 'tmpfs', site.home]);
});
afterAll(async () => {
  await site.run(['down', '--drain-timeout', '1'], { env });
  if (canMount) spawnSync('umount', ['-l', site.home]);
  await site.close();
});

const env = { REDIS_URL: '' };
const redisPid = () =>
  (JSON.parse(readFileSync(join(site.home, 'redis', 'run.json'), 'utf8')) as { pid: number }).pid;

describe.runIf(canMount)('a full disk under the state folder', () => {
  test('ends neither `up` nor its door; each verb tells the truth; room again, all is well', async () => {
    const port = String(await freePort());
    const up = site.start(['up', '-n', '1', '--port', port, '--no-admin'], { env });
    const ended = finish(up);
    const door = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null))?.status ?? null;
    await until('it serves', async () => (await door('/test')) === 200);
    const fill = join(site.home, 'fill');
    const full = () => spawnSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=4k']);
    full();
    const set = `/set?message=${'x'.repeat(3_000)}`;
    await until('Redis can save no more', async () => (await door(set)) === 503);
    // It tries its file again each second, and small words may still fit.
    await until('`ls` says why', async () => {
      const { code, stderr } = await site.run(['ls'], { env });
      return code === 0 && stderr.includes('takes no writes') && (await door(set)) === 503;
    });
    const second = await site.run(['up', '--port', String(await freePort())], { env });
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('already runs here')]);
    process.kill(redisPid(), 'SIGKILL');
    // A start that fails for want of room is tried again.
    await until('Redis can still save nothing', async () => (await door(set)) === 503);
    expect([await door('/test'), up.exitCode]).toEqual([200, null]);
    rmSync(fill);
    await until('messages are kept again', async () => (await door('/set')) === 200);
    full();
    await until('it is full again', async () => (await door(set)) === 503);
    const down = await site.run(['down', '--drain-timeout', '2'], { env });
    expect(down.stderr).toMatch(/^ended: `meowctl up`, 1 server, the local Redis$/m);
    rmSync(fill);
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('is one line and exit 1 for what cannot begin', async () => {
    const fill = join(site.home, 'fill');
    rmSync(join(site.home, 'redis'), { recursive: true, force: true });
    spawnSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=4k']);
    const { code, stderr } = await site.run(['spawn'], { env });
    rmSync(fill);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^meowctl: .*(space|full).*\n {2}\w/),
    ]);
  });
});

test.skipIf(canMount)('a full disk cannot be had here: that needs root, unshare and mount', () => {
  expect(canMount).toBe(false);
});

const canBeOther = process.geteuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0;

test.runIf(canBeOther)(
  'a user without a name needs no home of its own where MEOW_HOME is set',
  async () => {
    const home = spawnSync('mktemp', ['-d', '-p', '/tmp']).stdout.toString().trim();
    spawnSync('chown', ['12345', home]);
    // Nobody else may look into the folder of a checkout, perhaps.
    const code = spawnSync('mktemp', ['-d', '-p', '/tmp']).stdout.toString().trim();
    for (const part of ['bin', 'dist', 'package.json']) {
      cpSync(join(ROOT, part), join(code, part), { recursive: true });
    }
    chmodSync(code, 0o755);
    const bin = join(code, 'bin', 'meowctl.js');
    const as = ['--reuid', '12345', '--clear-groups', process.execPath, bin];
    const run = (args: readonly string[], more: Record<string, string>) => {
      const { PATH = '', REDIS_URL = '' } = site.env;
      return finish(
        spawn('setpriv', [...as, ...args], { env: { PATH, REDIS_URL, ...more }, cwd: '/' }),
      );
    };
    expect(await run(['spawn', '-q'], { MEOW_HOME: home })).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['down'], { MEOW_HOME: home })).stderr).toContain('ended: 1 server');
    const listed = await run(['ls'], {});
    for (const folder of [home, code]) rmSync(folder, { recursive: true });
    expect(listed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/HOME is not set.*\n {2}Set MEOW_HOME/),
    });
  },
);

test.skipIf(canBeOther)('another user cannot be tried here: that needs root and setpriv', () => {
  expect(canBeOther).toBe(false);
});
