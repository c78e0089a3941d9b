import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { type AppSite, openAppSite, PROGRAM, text } from '../helpers/app-site.ts';
import { until } from '../helpers/until.ts';

let site: AppSite;
let srv: string;

beforeAll(async () => {
  site = await openAppSite();
  srv = join(site.home, 'srv');
});
beforeEach(() => {
  for (const version of ['1', '2']) addRelease(version);
  release('1');
});
afterEach(async () => {
  await site.clear();
  rmSync(srv, { recursive: true });
});
afterAll(() => site.close());

function addRelease(version: string): void {
  const folder = join(srv, 'releases', version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'version.mjs'), `export default 'release ${version}';\n`);
  const app = `import version from './version.mjs';
    export default (_, response) => response.end(version + ' ' + process.env.IN_FILE);\n`;
  writeFileSync(join(folder, 'server.mjs'), app);
  writeFileSync(join(folder, 'app.env'), `IN_FILE=${version}\n`);
  const start = `#!/bin/sh\nexport RELEASE=${version}\nexec "${process.execPath}" "${PROGRAM}" "$1"\n`;
  writeFileSync(join(folder, 'start'), start, { mode: 0o755 });
}

/** As a deployment does it: the link leads elsewhere from one moment to the next. */
function release(version: string): void {
  symlinkSync(join('releases', version), join(srv, 'next'));
  renameSync(join(srv, 'next'), join(srv, 'current'));
}

/** In a shell that went to a folder by this name. */
async function runIn(folder: string, args: readonly string[]) {
  return site.run(args, { cwd: folder, env: { PWD: folder } });
}

async function spawnIn(folder: string, args: readonly string[]): Promise<Row> {
  const { stdout, stderr } = await runIn(folder, ['spawn', '--json', ...args]);
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(stderr);
  return row;
}

async function restarted(): Promise<Row> {
  const { stdout, stderr } = await site.call(['restart', '--json'], { cwd: '/' });
  const [row] = JSON.parse(stdout || '[]') as Row[];
  if (!row) throw new Error(stderr);
  return row;
}

describe('a folder behind a link', () => {
  test('is what it leads to at each start: restart serves the new release, and says so', async () => {
    const row = await spawnIn(join(srv, 'current'), [
      '--app',
      './server.mjs',
      '--env-file',
      'app.env',
    ]);
    expect([await text(row.url), row.folder]).toEqual(['release 1 1', join(srv, 'releases/1')]);
    release('2');
    rmSync(join(srv, 'releases', '1'), { recursive: true });
    const next = await restarted();
    expect([await text(next.url), next.folder]).toEqual(['release 2 2', join(srv, 'releases/2')]);
    addRelease('3');
    release('3');
    const { stdout } = await site.call(['restart']);
    const [head, line] = stdout.split('\n');
    expect(head).toMatch(/APP +FOLDER$/);
    expect(line).toMatch(new RegExp(`server.mjs +${join(srv, 'releases/3')}$`));
  });

  test('is so for a program named by a relative path, and for what a keeper starts again', async () => {
    const current = join(srv, 'current');
    const row = await spawnIn(current, ['--', './start', '{port}']);
    const releaseOf = async ({ url }: Row) => JSON.parse(await text(`${url}/env`)).RELEASE;
    expect([await releaseOf(row), row.folder]).toEqual(['1', join(srv, 'releases/1')]);
    release('2');
    rmSync(join(srv, 'releases', '1'), { recursive: true });
    const keeper = site.start(['keep'], { cwd: '/' });
    process.kill(row.pid, 'SIGKILL');
    const next = await until('it serves again', async () =>
      (await site.list()).find(({ id, state }) => id !== row.id && state === 'up'),
    );
    expect([await releaseOf(next), next.folder]).toEqual(['2', join(srv, 'releases/2')]);
    keeper.kill('SIGTERM');
    await new Promise((resolve) => keeper.once('exit', resolve));
  });

  test.each([
    ['--cwd current --app current/server.mjs', '.'],
    ['--app ../current/server.mjs', 'releases'],
  ])('is kept as it was typed: %s', async (words, from) => {
    const row = await spawnIn(join(srv, from), words.split(' '));
    expect(row.app).toBe(join(srv, 'current/server.mjs'));
    release('2');
    expect(await text((await restarted()).url)).toContain('release 2');
  });

  test('means with .. what it means to every other program', async () => {
    writeFileSync(
      join(srv, 'releases', 'server.mjs'),
      'export default (_, r) => r.end("beside");\n',
    );
    writeFileSync(join(srv, 'server.mjs'), 'export default (_, r) => r.end("above");\n');
    const row = await spawnIn(join(srv, 'current'), ['--app', '../server.mjs']);
    expect(await text(row.url)).toBe('beside');
  });

  test('is not taken from a PWD that leads elsewhere', async () => {
    const env = { PWD: join(srv, 'releases/2') };
    const cwd = join(srv, 'current');
    const { stdout } = await site.call(['spawn', '--json', '--app', 'server.mjs'], { cwd, env });
    const [row] = JSON.parse(stdout) as Row[];
    expect(await text(row?.url ?? '')).toContain('release 1');
  });

  test('that is gone at a restart is named, and the old server serves on', async () => {
    const row = await spawnIn(join(srv, 'current'), ['--app', './server.mjs']);
    rmSync(join(srv, 'current'));
    const { code, stderr } = await site.call(['restart'], { cwd: '/' });
    expect([code, stderr.split('\n')[0]]).toEqual([
      1,
      `meowctl: the app's folder "${join(srv, 'current')}" is not there`,
    ]);
    expect(await text(row.url)).toContain('release 1');
  });
});
