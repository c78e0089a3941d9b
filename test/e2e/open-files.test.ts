import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { BIN, finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

/** With fewer not even Node starts. */
const FEWEST = 19;
const ENOUGH = 60;
/** None but those that are open already. */
const NONE = 5;

/** Takes all files that a worker of a door may open, from its first report until a socket did not come. */
const FULL = `const fs = require('node:fs');
const isWorker = process.argv.includes('__door-worker');
if (isWorker) {
  const { send } = process;
  process.send = (...message) => {
    process.send = send;
    const taken = [];
    try {
      for (;;) taken.push(fs.openSync('/dev/null'));
    } catch {}
    process.on('internalMessage', ({ cmd }, socket) => {
      if (cmd !== 'NODE_HANDLE' || socket) return;
      for (const one of taken.splice(0)) fs.closeSync(one);
      fs.writeFileSync('missed', '');
    });
    return send.apply(process, message);
  };
}
`;

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

function withOpenFiles(most: number, args: readonly string[]) {
  const words = ['-c', `ulimit -n ${most}; exec "$@"`, 'sh', process.execPath, BIN, ...args];
  return finish(spawn('sh', words, { env: site.env, cwd: site.home }));
}

test('with too few open files spawn says what to do', async () => {
  const said: string[] = [];
  for (let most = FEWEST; most < ENOUGH; most++) {
    const { code, stderr } = await withOpenFiles(most, ['spawn', '--ready-timeout', '120']);
    if (code === 0) break;
    const [first = '', second = ''] = stderr.split('\n');
    if (!first.startsWith('meowctl:')) continue; // Node itself found too few
    said.push(first);
    expect([first, second]).toEqual([
      expect.stringMatching(/^meowctl: .*too many open files$/),
      expect.stringContaining('ulimit -n'),
    ]);
  }
  // As much of its path as a message has room for.
  const node = process.execPath.slice(0, 60);
  const cannotStart = `meowctl: cannot start "${node}`;
  expect(said.some((line) => line.startsWith(cannotStart))).toBe(true);
  expect((await site.list()).map(({ state }) => state)).toEqual(['up']);
});

testWith(
  needs.prlimit,
  'up and its servers go on with too few open files, and all is well when there are more again',
  async () => {
    const port = String(await freePort());
    const up = site.start(['up', '-n', '2', '--no-admin', '--port', port]);
    const ended = finish(up);
    const [first, second] = await until('two serve', async () => {
      const rows = await site.list();
      return rows.length === 2 && rows.every(({ state }) => state === 'up') && rows;
    });
    await until('it keeps', keeps);
    const pids = [up.pid ?? 0, first?.pid ?? 0, second?.pid ?? 0];
    for (const pid of pids) await allow(pid, NONE);
    process.kill(second?.pid ?? Number.NaN, 'SIGKILL');
    await until('its death is known', async () => (await site.list()).some(isLost));
    for (const pid of pids.filter((pid) => pid !== second?.pid)) await allow(pid, 4_096);
    await until('another one took its place', async () => {
      const rows = await site.list();
      return (
        rows.length === 2 && rows.every(({ id, state }) => state === 'up' && id !== second?.id)
      );
    });
    expect((await site.list()).map(({ id }) => id)).toContain(first?.id);
    up.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^keeper {3}round: .*too many open files/m);
    expect(stderr).toMatch(/^keeper {3}round: works again$/m);
  },
);

test('a worker of a door that had no open file left for the door’s socket gets it again', async () => {
  const preload = join(site.home, 'full.cjs');
  writeFileSync(preload, FULL);
  const port = await freePort();
  const args = ['proxy', '--workers', '2', '--no-admin', '--port', String(port)];
  const words = ['-c', 'ulimit -n 256; exec "$@"', 'sh', process.execPath, BIN, ...args];
  const env = { ...site.env, NODE_OPTIONS: `--require ${preload}` };
  const door = spawn('sh', words, { env, cwd: site.home });
  const ended = finish(door);
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      ({ status }) => status,
      () => null,
    );
  expect(await until('it answers, or has ended', () => Promise.race([answers(), ended]))).toBe(503);
  expect(existsSync(join(site.home, 'missed'))).toBe(true);
  door.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

testWith(
  needs.prlimit,
  'a worker of a door with no open file left lives, and serves again',
  async () => {
    const [port, admin] = [await freePort(), await freePort()];
    const args = ['proxy', '--workers', '2', '--port', `${port}`, '--admin-port', `${admin}`];
    const door = site.start(args);
    const said = finish(door);
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        ({ status }) => status === 503,
        () => false,
      );
    await until('both workers serve', async () => {
      const answer = await fetch(`http://127.0.0.1:${admin}/metrics`).catch(() => null);
      return (await answer?.text())?.includes('meowctl_door_workers{state="serving"} 2');
    });
    const before = workersOf(door.pid ?? Number.NaN);
    for (const pid of before) await allow(pid, NONE);
    const sinceMs = performance.now();
    await until('each was to tell of itself', () => performance.now() - sinceMs > 3_000);
    expect(workersOf(door.pid ?? Number.NaN)).toEqual(before);
    for (const pid of before) await allow(pid, 4_096);
    await until('it answers again', answers);
    expect(workersOf(door.pid ?? Number.NaN)).toEqual(before);
    door.kill('SIGTERM');
    const { code, stderr } = await said;
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('EMFILE')]);
  },
);

test('up ends what it can where its list of what is wanted cannot be read, and says so', async () => {
  const args = ['up', '-n', '2', '--no-admin', '--port', String(await freePort())];
  const up = site.start(args);
  const ended = finish(up);
  await until('it is up', async () => (await site.list()).filter(serves).length === 2);
  await until('it keeps', keeps);
  const wanted = join(site.home, 'wanted');
  rmSync(wanted, { recursive: true });
  symlinkSync(wanted, wanted);
  up.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^meowctl: cannot read what is wanted from ".*": too many symbolic links encountered$/m,
  );
  expect(ownProcesses(site.home)).toEqual([]);
});

function workersOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

// From here on what fails is no reason for `up` to end.
function keeps(): boolean {
  const folder = join(site.home, 'keepers');
  return existsSync(folder) && readdirSync(folder).length > 0;
}

function serves({ state }: { readonly state: string }): boolean {
  return state === 'up';
}

function isLost({ state }: { readonly state: string }): boolean {
  return state === 'lost';
}

async function allow(pid: number, most: number): Promise<void> {
  const { stderr } = await finish(spawn('prlimit', [`--pid=${pid}`, `--nofile=${most}:`]));
  expect(stderr).toBe('');
}
