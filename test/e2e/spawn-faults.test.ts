import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';
import { timed } from '../helpers/yardstick.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterEach(() => site.clear());
afterAll(() => site.close());

/** The processes of this site that are servers, or on their way to be. */
const servers = () =>
  ownProcesses(site.home).filter((pid) => commandLine(pid).includes('\0serve\0'));

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended while we looked
  }
}

describe('spawn killed -9 at any moment', () => {
  const ROUNDS = 8;
  const AT_ONCE = 4;

  test('leaves a server that is listed, or none: 8 times, no orphan', async () => {
    const few = Array.from({ length: AT_ONCE }, () => timed(site.run(['spawn'])));
    const ms = Math.max(...(await Promise.all(few)).map((each) => each.ms));
    let round = 0;
    const killOnce = async () => {
      while (round < ROUNDS) {
        const afterMs = (2 * ms * round++) / ROUNDS;
        const child = site.start(['spawn']);
        const ended = new Promise((resolve) => child.once('exit', resolve));
        const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
        await ended;
        clearTimeout(timer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, killOnce));
    const listed = await until('every process is listed, and every listed one lives', async () => {
      const rows = await site.list();
      const pids = new Set(servers());
      return rows.length === pids.size &&
        rows.every(({ pid, state }) => pids.has(pid) && state === 'up')
        ? rows
        : null;
    });
    expect(listed.length).toBeGreaterThan(AT_ONCE);
    expect(listed.length).toBeLessThan(AT_ONCE + ROUNDS);
    expect((await site.call(['destroy', '--all', '--drain-timeout', '1'])).code).toBe(0);
    await until('no server is left', () => servers().length === 0);
  });
});

test('of six spawns of one port one wins; the others name it, exit 1, and leave no child', async () => {
  const port = String(await freePort());
  const results = await Promise.all(
    Array.from({ length: 6 }, () => site.run(['spawn', '--port', port])),
  );
  expect(results.map(({ code }) => code).sort()).toEqual([0, ...Array(5).fill(1)]);
  const lost = results.filter(({ code }) => code === 1);
  for (const { stderr } of lost) expect(stderr).toContain(`port ${port} is in use`);
  expect(await site.list()).toHaveLength(1);
  await until('one child is left', () => servers().length === 1);
});

describe('a child that is not ready', () => {
  const app = (text: string) => {
    const file = join(site.home, 'app.mjs');
    writeFileSync(file, text);
    return file;
  };
  const hangs = 'await new Promise((resolve) => setTimeout(resolve, 3_600_000));';
  const deaf = "process.on('SIGTERM', () => {});";

  test('because it throws: exit 5, its last words, nothing left', async () => {
    const file = app("throw new Error('no cats today');");
    const { code, stdout, stderr } = await site.run(['spawn', '--app', file]);
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toContain('no cats today');
    await until('nothing is left', () => servers().length === 0);
    expect(await site.list()).toEqual([]);
  });

  test.each([
    ['because it hangs', hangs],
    ['and ignores SIGTERM', deaf + hangs],
  ])('%s: exit 5 after --ready-timeout, and nothing is left', async (_why, text) => {
    const file = app(text);
    const { code, stderr } = await site.run(['spawn', '--app', file, '--ready-timeout', '1.5']);
    expect(code).toBe(5);
    expect(stderr).toContain('1.5 s');
    await until('nothing is left', () => servers().length === 0);
  });

  test('because Redis hangs: exit 4 or 5 within --ready-timeout, and nothing is left', async () => {
    await site.redis.kill('SIGSTOP');
    const { code, stdout } = await site.run(['spawn', '--ready-timeout', '2']);
    expect([4, 5]).toContain(code);
    expect(stdout).toBe('');
    await until('nothing is left', () => servers().length === 0);
    await site.redis.kill('SIGCONT');
    expect(await until('Redis is back', () => site.list())).toEqual([]);
  });

  test('ends by itself when its parent is gone, after the time that the parent gave it', async () => {
    const file = app(hangs);
    const child = site.start(['spawn', '--app', file, '--ready-timeout', '3']);
    await until('it runs', () => servers().length === 1);
    child.kill('SIGKILL');
    await until('it has ended', () => servers().length === 0);
  });
});

test('a server that is stopped (SIGSTOP) is taken out by the door, and destroy kills it: exit 5', async () => {
  const port = await freePort();
  site.start(['proxy', '--port', String(port), '--no-admin', '--response-timeout', '1']);
  await site.call(['spawn', '2']);
  const rows = await until('the door uses both', async () => {
    const list = await site.list();
    return list.length === 2 && list.every(({ doors }) => doors[0] === 'usable') ? list : null;
  });
  const [hung] = rows;
  process.kill(hung?.pid ?? Number.NaN, 'SIGSTOP');
  await until('the door has dropped it', async () =>
    (await site.list()).find(({ id }) => id === hung?.id)?.doors[0]?.startsWith('out'),
  );
  for (let at = 0; at < 10; at += 1) {
    expect((await fetch(`http://127.0.0.1:${port}/test`)).status).toBe(200);
  }
  const { code, stderr } = await site.call(['destroy', hung?.id ?? '', '--drain-timeout', '0.5']);
  expect(code).toBe(5);
  expect(stderr).toContain('SIGKILL');
  expect(stderr.match(/servers are gone/)).toBeNull();
  expect((await site.list()).map(({ id }) => id)).not.toContain(hung?.id);
});
