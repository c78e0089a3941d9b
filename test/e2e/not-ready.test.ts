import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { APPS, type AppSite, openAppSite } from '../helpers/app-site.ts';
import { ownProcesses, type Result } from '../helpers/cli.ts';
import { until } from '../helpers/until.ts';

const APP = join(APPS, 'unready.mjs');
/** What it does, what is said of it, and what is to be done. */
const ways: readonly (readonly [string, RegExp, string])[] = [
  ['answers 500', /still answers GET \/ with 500 after \d+\.\d s/, '--health'],
  ['another port', /listens on 127\.0\.0\.1:\d+, not on port \d+, after/, '{port} or $PORT'],
  ['another address', /listens on 127\.0\.0\.2:\d+, not on 127\.0\.0\.1, after/, 'HOSTNAME'],
  ['no HTTP', /says something on port \d+ that is not HTTP after/, 'plain HTTP'],
  ['no answer', /listens on port \d+, but does not answer GET \/ after/, '--health'],
  ['nothing', /listens nowhere after/, '{port} or $PORT'],
  ['done', /ended with exit code 0 before it was ready/, 'keep it in the foreground'],
];

let site: AppSite;
/** By what it does. */
const results = new Map<string, Result>();
/** Each takes as long as a program may, and more of them take a small machine for themselves. */
const AT_ONCE = 4;

beforeAll(async () => {
  site = await openAppSite();
  for (const some of [ways.slice(0, AT_ONCE), ways.slice(AT_ONCE)]) {
    const spawned = some.map(async ([how]) => {
      results.set(how, await spawnNot(how, '--env', 'HOSTNAME=127.0.0.2'));
    });
    await Promise.all(spawned);
  }
});
afterAll(() => site.close());

function spawnNot(how: string, ...flags: string[]): Promise<Result> {
  return site.run([
    'spawn',
    '--ready-timeout',
    '10',
    ...flags,
    '--',
    process.execPath,
    APP,
    '{port}',
    how,
  ]);
}

describe('a program that is not ready says why:', () => {
  test.each(ways)('%s', (how, why, remedy) => {
    const { code, stdout = '', stderr = '' } = results.get(how) ?? {};
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    const [what, next] = stderr.split('\n');
    expect(what).toMatch(why);
    expect(next).toContain(remedy);
  });

  test('none of those that were refused is left', () => {
    expect(ownProcesses(site.home)).toEqual([]);
  });

  test('it went into the background, and is not tried on the next port', async () => {
    const { code, stderr } = await spawnNot('background');
    const [what = '', next] = stderr.split('\n');
    expect(code).toBe(5);
    const [, pid] =
      /went into the background \(pid (\d+)\): it ended with exit code 0/.exec(what) ?? [];
    expect(next).toContain('Keep it in the foreground');
    expect(ownProcesses(site.home).map(String)).toEqual([pid]);
    process.kill(Number(pid), 'SIGKILL');
    await until('it is gone', () => ownProcesses(site.home).length === 0);
  });

  test('its shell ended, and left it in the background', async () => {
    const line = `"${process.execPath}" "${APP}" {port} "served behind" &`;
    const { code, stderr } = await site.run(['spawn', '--', 'sh', '-c', line]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/"sh" went into the background \(pid \d+\): it ended with exit code 0/);
    await until('it is gone', () => ownProcesses(site.home).length === 0);
  });
});
