import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { APPS, type AppSite, openAppSite, text } from '../helpers/app-site.ts';
import { BIN, finish, ownProcesses } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';

const APP = join(APPS, 'again.mjs');
/** As nodemon and cross-env do: their own command line ends in ours. */
const WRAPPER = `require('node:child_process').spawn(process.argv[1], process.argv.slice(2))`;
const SAID = 'is one process: its app started meowctl again, as cluster.fork() does';

let site: AppSite;

beforeAll(async () => {
  site = await openAppSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

describe('one id is one process, also where an app', () => {
  test.each(['cluster', 'fork', 'spawn', 'detached'])('starts itself again by %s', async (way) => {
    const row = await site.spawn(['--app', APP, '--env', `AGAIN=${way}`]);
    const raw = join(site.home, 'logs', `${row.id}.err`);
    await until('the second one says so', () => {
      const said = readFileSync(raw, 'utf8').split(`server ${row.id} runs already, and ${SAID}`);
      return said.length > (way === 'cluster' ? 2 : 1);
    });
    await until('the second one is gone', () => ownProcesses(site.home).length === 1);
    expect((await site.list()).map(({ pid }) => pid)).toEqual([row.pid]);
    for (let count = 0; count < 4; count++) {
      expect(await text(row.url)).toBe(`one, pid ${row.pid}\n`);
    }
    expect(readFileSync(raw, 'utf8')).toContain('meowctl starts the processes: `spawn 4`');
    expect(site.log(row)).not.toContain('runs already');
  });

  test('starts itself again in a `serve` by hand: that makes no chain of servers', async () => {
    const serving = site.start(['serve', '--app', APP], { env: { AGAIN: 'fork' } });
    const ended = finish(serving);
    const row = await until('it serves', async () => (await site.list())[0]);
    await until('the second one is gone', () => ownProcesses(site.home).length === 1);
    expect(await site.list()).toHaveLength(1);
    process.kill(row.pid, 'SIGTERM');
    expect((await ended).stderr).toContain(`this server runs already, and ${SAID}`);
  });
});

test.each([
  ['timeout', ['timeout', '600', BIN]],
  ['a program in Node', [process.execPath, '-e', WRAPPER, BIN]],
])('a `serve` by hand is the first one also under %s', async (_, [program = '', ...words]) => {
  const wrapper = spawn(program, [...words, 'serve'], { env: site.env, stdio: 'ignore' });
  const row = await until('it serves', async () => (await site.list())[0]);
  expect(row.pid).not.toBe(wrapper.pid);
  process.kill(row.pid, 'SIGTERM');
  await new Promise((resolve) => wrapper.once('exit', resolve));
});

test('a process does not register under the id of another that lives', async () => {
  const args = ['serve', '--id', 'abc234'];
  const first = site.start(args);
  await until('it serves', async () => (await site.list()).length === 1);
  const { code, stderr } = await site.run([...args, '--host', '127.0.0.1']);
  expect(code).toBe(1);
  expect(stderr).toMatch(`meowctl: server abc234 runs already as pid ${first.pid} on host "`);
  expect((await site.list()).map(({ pid }) => pid)).toEqual([first.pid]);
  first.kill('SIGTERM');
  await new Promise((resolve) => first.once('exit', resolve));
});
